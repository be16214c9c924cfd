"""One lazy timer for all the deadlines of a connection: to move a deadline costs an assignment, not a timer."""

import asyncio
import math
from asyncio.events import TimerHandle
from collections.abc import Callable

EARLY_S = 0.002  # the loop's clock ticks in milliseconds: a timer may fire a little before its time


class Deadline:
    """Calls `passed` once the time of the latest `at` has come; a timer that fires before it is set anew."""

    def __init__(self, loop: asyncio.AbstractEventLoop, passed: Callable[[], None]) -> None:
        self._loop = loop
        self._passed = passed
        self._due = math.inf
        self._timer: TimerHandle | None = None
        self._timer_at = math.inf

    def at(self, due: float) -> None:
        """By the loop's clock; replaces the deadline before."""
        self._due = due
        if due < self._timer_at:
            self._arm()

    def after(self, seconds: float) -> None:
        """From now."""
        self.at(self._loop.time() + seconds)

    def off(self) -> None:
        """None for now; the timer may still fire, for nothing."""
        self._due = math.inf

    def close(self) -> None:
        """None any more."""
        self._due = math.inf
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._due
        self._timer = self._loop.call_at(self._due, self._fire)

    def _fire(self) -> None:
        self._timer, self._timer_at = None, math.inf
        if self._loop.time() >= self._due - EARLY_S:
            self._passed()
        elif self._due < math.inf:
            self._arm()
