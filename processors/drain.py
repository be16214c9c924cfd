"""How a process of ours ends: in order if it can, at once if it must. Nothing here acknowledges anything.

SIGKILL is always safe (every effect may be applied twice), so leaving at once loses nothing; waiting for a broker that
is gone would last for ever (aiokafka retries its last commit without end).
"""

import faulthandler
import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

import structlog

UNAVAILABLE = 69  # what we start with is away: the supervisor tries again
BROKEN = 70  # ours: a bug, a cap, a stall; the supervisor starts us again and it will show again
UNDRAINED = 75  # told to stop, could not finish what was under way

log = structlog.get_logger(__name__)

Leave = Callable[[int, str], NoReturn]


def leave(code: int, why: str) -> NoReturn:
    """Ends this process now, after saying why. No handler runs, no offset is committed."""
    log.critical("leaving", why=why, code=code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def leave_with_stacks(code: int, why: str) -> NoReturn:
    """As `leave`, with the stack of every thread on stderr first."""
    faulthandler.dump_traceback(all_threads=True)
    leave(code, why)


class Deadline:
    """Ends the process when a shutdown takes longer than `after_s`. A thread: the event loop may be what hangs."""

    def __init__(self, after_s: float, leave: Leave = leave_with_stacks) -> None:
        self._timer = threading.Timer(after_s, leave, (UNDRAINED, f"not drained within {after_s:g} s"))
        self._timer.daemon = True

    def start(self) -> None:
        """Starts the clock."""
        self._timer.start()

    def met(self) -> None:
        """The shutdown is done; the process may end by itself."""
        self._timer.cancel()
