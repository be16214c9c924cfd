"""System calls of a running process that fail, by strace: the real call of the real code, not a twin of it.

strace comes from the system, and not every machine lets one process trace another: then the test is skipped, and says
so.
"""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import eventually

STRACE = shutil.which("strace") or ""


@contextmanager
def failing_calls(pid: int, call: str, error: str) -> Iterator[None]:
    """While the body runs each `call` of the process, whichever thread makes it, ends with `error` and does nothing.

    The process must not be traced already.
    """
    if not STRACE:
        pytest.skip("there is no strace on this machine")
    inject = ("-e", f"trace={call}", "-e", f"inject={call}:error={error}")
    tracer = subprocess.Popen((STRACE, "-f", "-qq", "-o", "/dev/null", *inject, "-p", str(pid)))
    try:
        eventually(lambda: _traced(pid) or tracer.poll() is not None, every_s=0.02)
        if tracer.poll() is not None:
            pytest.skip("this machine does not let one process trace another")
        yield
    finally:
        tracer.send_signal(signal.SIGINT)  # it lets the process go
        tracer.wait(30)


def _traced(pid: int) -> bool:
    """Every thread."""
    told = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return not any("\nTracerPid:\t0\n" in one for one in told)
