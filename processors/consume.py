"""The loop that never loses a record. Every agent runs it; nothing else touches a stream or acknowledges.

Faust acknowledges a record whose agent raised, so no exception leaves `run`: what cannot be finished is given back
(`Abandoned`), stops the processor (`CapReached`), or is a bug of ours and ends the process. Read on in `batch.py` (what
is done with a batch), `patience.py` (retrying), `memory.py` (what the store remembers) and `given_back.py` (order).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, cast

import structlog

from processors.batch import Item, Phases
from processors.cap import CapReached
from processors.drain import BROKEN, Leave
from processors.given_back import GivenBack
from processors.memory import Memory
from processors.patience import Abandoned
from processors.processor import Record
from processors.rewind import commit_lower
from processors.telemetry import Telemetry
from schemas.telemetry import BATCHES_ABANDONED, HANDLER_SECONDS
from schemas.topics import Origin

GO_BACK_S = 5.0  # for the last commit of a processor that stops at the cap

log = structlog.get_logger(__name__)


class Loop:
    """One processor's loop in one process: takes batches, has them processed, acknowledges them in order.

    `turned_at` (monotonic) is when it last showed that it is alive; the watchdog reads it.
    """

    def __init__(
        self, app: Any, name: str, given_back: GivenBack, memory: Memory, telemetry: Telemetry, leave: Leave
    ) -> None:
        self._app = app
        self._name = name
        self._given_back = given_back
        self._memory = memory
        self._telemetry = telemetry
        self._leave = leave
        self._under_way: Sequence[Any] = ()  # messages of the batch
        self.turned_at = monotonic()

    async def run(self, stream: Any, phases: Phases, *, batch: int, window_s: float) -> None:
        """The agent's body; ends with the stream. Takes up to `batch` records, or what came in `window_s`."""
        taken = cast(AsyncIterator[Sequence[Any]], stream.noack_take(batch, within=window_s))
        async for events in taken:
            try:
                await self._finish(stream, phases, events)
            except Exception:
                log.exception("the loop has a bug", processor=self._name)
                self._leave(BROKEN, f"the loop of {self._name} raised")
            del events  # Faust waits at shutdown for every message that somebody still holds

    def turned(self) -> None:
        """The loop is alive, even if it only waits for something."""
        self.turned_at = monotonic()

    def gives_up(self) -> str | None:
        """Why a batch that cannot be finished now is given back instead of tried again."""
        if self._app.should_stop:
            return "stopping"
        return "rebalancing" if self._app.rebalancing else None

    async def guard(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """One attempt of `apply`, if nothing is lost and the batch is still ours."""
        await self._memory.guard(attempt, self._no_longer_ours)

    def _no_longer_ours(self) -> str | None:
        """Why the batch under way comes again: while it waited its partitions were rewound, or dealt anew."""
        if any(map(self._given_back.is_void, self._under_way)):
            return "store_lost"
        return "rebalanced" if any(map(self._is_dealt_anew, self._under_way)) else None

    async def _finish(self, stream: Any, phases: Phases, events: Sequence[Any]) -> None:
        began = monotonic()
        events = [event for event in events if not self._dropped(event.message)]
        if not events:
            return
        self._under_way = [event.message for event in events]
        left = list(events)  # not acknowledged yet

        async def finished(count: int) -> None:
            await self._acknowledge(stream, left[:count])
            del left[:count]

        try:
            if self._given_back.blocks(self._under_way):
                raise Abandoned("waits_for_earlier")
            await phases.process([_item(message) for message in self._under_way], finished)
            self._telemetry.observe(HANDLER_SECONDS, monotonic() - began, self._name)
        except Abandoned as abandoned:
            self._give_back(left, abandoned.why)
        except CapReached as reached:
            await self._stop(reached)
        finally:
            self._under_way = ()

    async def _acknowledge(self, stream: Any, events: Sequence[Any]) -> None:
        """All of them, in order; not if one was rewound meanwhile, for then they come again."""
        if any(self._given_back.is_void(event.message) for event in events):
            raise Abandoned("store_lost")
        for event in events:
            await stream.ack(event)
            self._memory.told(tuple(event.message.tp), event.message.offset + 1)
        self.turned()

    def _give_back(self, events: Sequence[Any], why: str) -> None:
        messages = [event.message for event in events]
        self._given_back.add(message for message in messages if not self._given_back.is_void(message))
        for message in messages:
            self._app.consumer.unacked.discard(message)  # else shutdown and rebalance wait for it for ever
        self._telemetry.count(BATCHES_ABANDONED, self._name, why)
        log.info("batch given back", processor=self._name, why=why, records=len(messages))

    def _dropped(self, message: Any) -> bool:
        """Whether it comes again, and so must not be mixed with what does not: a batch is given back as a whole."""
        comes_again = self._given_back.is_void(message) or self._is_dealt_anew(message)
        if comes_again:
            self._app.consumer.unacked.discard(message)
        return comes_again

    def _is_dealt_anew(self, message: Any) -> bool:
        """Whether there was a rebalance since; Faust then reads on from what is committed."""
        return bool(message.generation_id != self._app.consumer_generation_id)

    async def _stop(self, reached: CapReached) -> None:
        """Loudly, and with nothing acknowledged past the first of the dead letters."""
        log.critical("dead-letter cap reached", processor=self._name, why=str(reached), back_to=str(reached.back_to))
        try:
            async with asyncio.timeout(GO_BACK_S):
                await commit_lower(self._app, reached.back_to)
        finally:
            self._leave(BROKEN, f"{self._name}: {reached}")


def _item(message: Any) -> Item:
    headers = tuple(message.headers or ())
    origin = Origin(message.topic, message.partition, message.offset)
    return Item(Record(origin, message.key, message.value, dict(headers)), headers)
