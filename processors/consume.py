"""The loop that never loses a record. Every agent runs it; nothing else touches a stream or acknowledges.

Faust acknowledges a record whose agent raised, so no exception leaves `run`: what cannot be finished is given back
(`Abandoned`), stops the processor (`CapReached`), or is a bug of ours and ends the process. The rules of the loop, with
their reasons, are in docs/adr; what stands behind them was measured on a real broker.
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
from processors.patience import Abandoned
from processors.processor import Record, Store
from processors.rewind import Partition, commit_lower, rewind
from processors.telemetry import Telemetry
from schemas.telemetry import BATCHES_ABANDONED, HANDLER_SECONDS
from schemas.topics import Origin

log = structlog.get_logger(__name__)


class Loop:
    """One processor's loop in one process: takes batches, has them processed, acknowledges them in order.

    `turned_at` (monotonic) is when it last showed that it is alive; the watchdog reads it.
    """

    def __init__(
        self, app: Any, name: str, store: Store, telemetry: Telemetry, leave: Leave, *, batch: int, window_s: float
    ) -> None:
        self._app = app
        self._name = name
        self._store = store
        self._telemetry = telemetry
        self._leave = leave
        self._batch = batch
        self._window_s = window_s
        self._given_back = GivenBack()
        self._next: dict[Partition, int] = {}  # what the store has been told, whether Kafka knows it yet or not
        self._storing = asyncio.Lock()  # an `apply` or a look at the store's memory, never both
        self._opened = False
        self.turned_at = monotonic()

    async def run(self, stream: Any, phases: Phases) -> None:
        """The agent's body; ends with the stream."""
        taken = cast(AsyncIterator[Sequence[Any]], stream.noack_take(self._batch, within=self._window_s))
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
        """Runs one `apply` if the store still remembers what it was told; else reads that again and gives up."""
        async with self._storing:
            if await self._rewound():
                raise Abandoned("store_lost")
            await attempt()

    async def look(self) -> None:
        """Between batches, every second: an emptied store is filled again even when nothing new arrives."""
        async with self._storing:
            await self._rewound()

    async def _finish(self, stream: Any, phases: Phases, events: Sequence[Any]) -> None:
        began = monotonic()
        events = [event for event in events if not self._is_void(event)]
        try:
            if self._given_back.blocks([event.message for event in events]):
                raise Abandoned("waits_for_earlier")
            await phases.process([_item(event.message) for event in events])
            await self._acknowledge(stream, events)
            self._telemetry.observe(HANDLER_SECONDS, monotonic() - began, self._name)
        except Abandoned as abandoned:
            self._give_back(events, abandoned.why)
        except CapReached as reached:
            await self._stop(reached)

    async def _acknowledge(self, stream: Any, events: Sequence[Any]) -> None:
        """The whole batch, in order; not if it was rewound meanwhile, for then it comes again."""
        if any(self._given_back.is_void(event.message) for event in events):
            raise Abandoned("store_lost")
        for event in events:
            await stream.ack(event)
            self._next[tuple(event.message.tp)] = event.message.offset + 1
        self.turned()

    def _give_back(self, events: Sequence[Any], why: str) -> None:
        messages = [event.message for event in events]
        self._given_back.add(message for message in messages if not self._given_back.is_void(message))
        for message in messages:
            self._app.consumer.unacked.discard(message)  # else shutdown and rebalance wait for it for ever
        self._telemetry.count(BATCHES_ABANDONED, self._name, why)
        log.info("batch given back", processor=self._name, why=why, records=len(messages))

    def _is_void(self, event: Any) -> bool:
        void = self._given_back.is_void(event.message)
        if void:
            self._app.consumer.unacked.discard(event.message)
        return void

    async def _stop(self, reached: CapReached) -> None:
        """Loudly, and with nothing acknowledged past the first of the dead letters."""
        log.critical("dead-letter cap reached", processor=self._name, why=str(reached), back_to=str(reached.back_to))
        try:
            async with asyncio.timeout(5):
                await commit_lower(self._app, reached.back_to)
        finally:
            self._leave(BROKEN, f"{self._name}: {reached}")

    async def _rewound(self) -> bool:
        """Whether the store had lost something, which is on its way to it again."""
        if not self._opened:
            await self._store.open()
            self._opened = True
        lost = await self._lost()
        if not lost:
            return False
        log.warning("store has lost effects, reading them again", processor=self._name, back_to=str(lost))
        void = await rewind(self._app, lost)
        if void is not None:
            self._given_back.void(void)
            self._next.update(lost)
        return True

    async def _lost(self) -> dict[Partition, int]:
        """Partitions whose store remembers less than it was told, with what it remembers."""
        remembered = await self._store.progress()
        if remembered is None or self._app.rebalancing:
            return {}
        consumer = self._app.consumer
        committed = {tuple(tp): consumer._committed_offset.get(tp) or 0 for tp in consumer.assignment()}
        told = {tp: max(offset, self._next.get(tp, 0)) for tp, offset in committed.items()}
        behind = {tp: remembered.get(tp, 0) for tp, offset in told.items() if remembered.get(tp, 0) < offset}
        if not behind:
            return {}
        earliest = await consumer.earliest_offsets(*(tp for tp in consumer.assignment() if tuple(tp) in behind))
        at = {tuple(tp): offset for tp, offset in earliest.items()}
        return {tp: max(offset, at[tp]) for tp, offset in behind.items() if max(offset, at[tp]) < told[tp]}


def _item(message: Any) -> Item:
    headers = tuple(message.headers or ())
    origin = Origin(message.topic, message.partition, message.offset)
    return Item(Record(origin, message.key, message.value, dict(headers)), headers)
