import socket
from contextlib import closing
from dataclasses import replace

import pytest

from local import control
from local.stack import Stack
from local.supervision import SupervisionError


def test_a_port_where_somebody_else_listens_is_said_before_anything_is_started() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        stack = Stack.named("bench")
        stack = replace(stack, given={**stack.given, "REDIS_URL": f"redis://{bind}/0"})

        with pytest.raises(SupervisionError, match=rf"{bind} is taken.*valkey"):
            control.start(stack, ("valkey",))
