"""Waiting for what comes by itself: never a fixed sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(ask: Callable[[], T], *, within_s: float = 30.0, every_s: float = 0.1) -> T:
    """The first truthy answer; fails with the last one when none comes in time."""
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"nothing came within {within_s} s; the last answer was {answer!r}"
        time.sleep(every_s)
    return answer
