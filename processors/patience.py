"""Retrying an I/O step in place, for ever: the dependency comes back, and until then waiting is the back-pressure.

There is no list of "transient" exceptions: measured, one sent 39 good records to the dead letters in a 10 s outage.
What an I/O phase raises says something of what we depend on, never of a record; only `Poison` does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

import structlog

from processors.cap import CapReached
from processors.processor import Poison
from processors.telemetry import Telemetry
from schemas.telemetry import RETRIES

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
TIMEOUT_S = 20.0  # a call that hangs is retried too
SAY_EVERY = 10  # turns: an outage must not fill the disk

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Abandoned(Exception):
    """The batch is given back unacknowledged; somebody reads it again."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Patience:
    """How one processor waits.

    `gives_up` says why the batch is no longer ours to finish (shutdown, rebalance), or None; `turned` is called each
    turn, so that the watchdog sees us alive.
    """

    processor: str
    gives_up: Callable[[], str | None]
    turned: Callable[[], None]
    telemetry: Telemetry
    random: Random
    timeout_s: float = TIMEOUT_S

    async def until_done(self, stage: str, step: Callable[[], Awaitable[T]], timeout_s: float | None = -1.0) -> T:
        """What `step` gives when it succeeds at last. Raises `Abandoned`, or `Poison` when the step does."""
        limit = self.timeout_s if timeout_s == -1.0 else timeout_s
        turn = 0
        while True:
            self.turned()
            try:
                async with asyncio.timeout(limit):
                    return await step()
            except (Poison, Abandoned, CapReached):
                raise
            except Exception as error:
                turn += 1
                await self._after(stage, turn, error)

    def go_on(self) -> None:
        """`Abandoned` when what is left of the batch is no longer ours to finish."""
        why = self.gives_up()
        if why:
            raise Abandoned(why)

    async def _after(self, stage: str, turn: int, error: Exception) -> None:
        self.telemetry.count(RETRIES, self.processor, stage)
        if turn == 1 or turn % SAY_EVERY == 0:
            log.warning("retrying", processor=self.processor, stage=stage, turn=turn, error=repr(error)[:500])
        self.go_on()
        await asyncio.sleep(self._pause_s(turn))

    def _pause_s(self, turn: int) -> float:
        """Doubles up to the longest, with half of it random, so that workers do not come back all at once."""
        longest: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(turn, 16))
        return longest * (0.5 + self.random.random() / 2)
