"""Addresses for processes that a test starts."""

import socket
from contextlib import closing


def free_bind() -> str:
    """host:port of this machine where nobody listens just now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
