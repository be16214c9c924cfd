"""What notices that a processor has stopped without falling over, and ends the process so that it is started again."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import structlog

from processors.drain import BROKEN, Leave, leave_with_stacks

STUCK_S = 60.0
LOOK_EVERY_S = 5.0

log = structlog.get_logger(__name__)


class Heart:
    """Ends the process when the event loop has not beaten for `stuck_s`: something blocks it. A thread of its own."""

    def __init__(self, stuck_s: float = STUCK_S, leave: Leave = leave_with_stacks) -> None:
        self._stuck_s = stuck_s
        self._leave = leave
        self._beaten_at = monotonic()
        self._stopped = threading.Event()

    def start(self) -> None:
        """From now on `beat` must be called."""
        self.beat()
        threading.Thread(target=self._listen, name="heart", daemon=True).start()

    def beat(self) -> None:
        """The event loop runs."""
        self._beaten_at = monotonic()

    def stop(self) -> None:
        """No more beats are expected."""
        self._stopped.set()

    @property
    def silent_s(self) -> float:
        """Since the last beat."""
        return monotonic() - self._beaten_at

    def _listen(self) -> None:
        while not self._stopped.wait(min(1.0, self._stuck_s / 4)):
            if self.silent_s > self._stuck_s:
                self._leave(BROKEN, f"the event loop has been blocked for {self.silent_s:.0f} s")


class Watchdog:
    """One processor's: errors that aiokafka parks where nobody looks, and lag that nobody works off."""

    def __init__(
        self,
        app: Any,
        name: str,
        turned_at: Callable[[], float],
        stuck_s: float = STUCK_S,
        leave: Leave = leave_with_stacks,
    ) -> None:
        self._app = app
        self._name = name
        self._turned_at = turned_at
        self._stuck_s = stuck_s
        self._leave = leave
        self._committed = 0
        self._committed_at = monotonic()

    async def look(self) -> None:
        """Called every few seconds. Leaves the process, with its stacks, when something is wrong for good."""
        if self._app.consumer._thread._consumer is None:
            return  # not started yet
        try:
            await self._surface_parked_errors()
        except Exception as error:
            log.exception("group coordinator", processor=self._name)
            self._leave(BROKEN, f"{self._name}: the group coordinator gave up: {error!r}")
        if self._is_stuck():
            self._leave(BROKEN, f"{self._name}: lag, and no progress for {self._stuck_s:g} s")

    async def _surface_parked_errors(self) -> None:
        thread = self._app.consumer._thread

        async def check() -> None:  # in the consumer's own thread: the coordinator is not ours to touch
            coordinator = thread._consumer._coordinator
            if coordinator is not None:
                coordinator.check_errors()

        await thread.call_thread(check)

    def _is_stuck(self) -> bool:
        consumer = self._app.consumer
        committed = sum(offset or 0 for offset in consumer._committed_offset.values())
        if committed != self._committed or not self._lags():
            self._committed, self._committed_at = committed, monotonic()
        return monotonic() - max(self._committed_at, self._turned_at()) > self._stuck_s

    def _lags(self) -> bool:
        """Whether anything is unread, unfinished, or finished and not committed.

        Not "committed below the end": where retention has cut everything away there is nothing left to commit.
        """
        consumer = self._app.consumer
        unfinished = bool(consumer.unacked) or any(consumer._acked.values())
        return unfinished or any(self._unread(tp) for tp in consumer.assignment())

    def _unread(self, tp: Any) -> bool:
        assignment = self._app.consumer._thread._consumer._subscription.subscription.assignment
        state = assignment.state_value(tp) if assignment else None
        if state is None or not state.has_valid_position:
            return False
        return bool((state.highwater or 0) > state.position)
