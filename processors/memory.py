"""What a store remembers, against what it was told: an emptied Redis, or one with an older file, is filled again.

Nobody has to notice: before every `apply`, and every second between batches, the store's own `progress` is compared
with what this process has told it and what the group has committed. What is missing is read again from the log.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Any

import structlog

from processors.abilities import CatchingUp, Comparing, Partition, Progress, Tended, Watermarked, end_offsets
from processors.given_back import GivenBack
from processors.patience import Abandoned
from processors.processor import Poison, Store
from processors.rewind import rewind

log = structlog.get_logger(__name__)


class Memory:
    """One store's, in one process. Opens the store, and again after it raised."""

    def __init__(
        self,
        app: Any,
        name: str,
        store: Store,
        topics: Collection[str],
        given_back: GivenBack,
        clock: Callable[[], datetime],
    ) -> None:
        self._app = app
        self._name = name
        self._store = store
        self._topics = topics
        self._given_back = given_back
        self._told: dict[Partition, int] = {}  # next offset, whether Kafka knows it yet or not
        self._alone = asyncio.Lock()  # an `apply` or a look, never both: effects written onto a loss would hide it
        self._open = False
        self._clock = clock
        self._compared = False
        self._progress = Progress(topics)

    @property
    def is_open(self) -> bool:
        """Whether the store answered when it was last asked."""
        return self._open

    def told(self, partition: Partition, offset: int) -> None:
        """The store was told everything below this offset."""
        self._told[partition] = offset

    async def guard(self, attempt: Callable[[], Awaitable[None]], no_longer_ours: Callable[[], str | None]) -> None:
        """One attempt of `apply`, if nothing is lost; else what is lost is on its way again, and the batch with it.

        `no_longer_ours` is asked last: a look that found the loss while the batch waited has told the store its lower
        offset, so that only the batch itself still says that it is void.
        """
        async with self._alone:
            try:
                if await self._rewound():
                    raise Abandoned("store_lost")
                why = no_longer_ours()
                if why:
                    raise Abandoned(why)
                await attempt()
            except (Abandoned, Poison):
                raise
            except BaseException:  # a timeout too, which arrives as a cancellation
                self._open = False
                raise

    async def look(self) -> None:
        """Between batches: nothing new need arrive for a loss to be found."""
        async with self._alone:
            try:
                await self._rewound()
                if isinstance(self._store, CatchingUp):
                    await self._progress.look(self._app, self._store, await self._store.progress() or {})
                if isinstance(self._store, Tended):
                    await self._store.tend()
            except Abandoned:
                return  # a rebalance: whoever has the partitions afterwards looks
            except BaseException:
                self._open = False
                raise

    async def _rewound(self) -> bool:
        """Whether the store had lost something. `Abandoned` when that cannot be known just now."""
        if not self._open:
            await self._opened()
        lost = await self._lost()
        if not lost:
            return False
        log.warning("store has lost effects, reading them again", processor=self._name, back_to=_shown(lost))
        if isinstance(self._store, Watermarked):
            await self._store.drop_watermarks(list(lost))
        void = await rewind(self._app, lost)
        if void is not None:
            self._given_back.void(void)
            self._told.update(lost)
            self._progress.begin_again()
        return True

    async def _opened(self) -> None:
        await self._store.open()
        if isinstance(self._store, Comparing) and not self._compared:
            await self._store.refuse_if_ahead(await end_offsets(self._app, self._topics), self._clock())
            self._compared = True
        self._open = True

    async def _lost(self) -> dict[Partition, int]:
        """Partitions whose store remembers less than it was told, with where to read on."""
        remembered = await self._store.progress()
        if remembered is None:
            return {}
        if self._app.rebalancing:  # nobody knows what is ours; an effect written now onto a loss would hide it
            raise Abandoned("rebalancing")
        consumer = self._app.consumer
        assigned = {tuple(tp): tp for tp in consumer.assignment()}
        told = {at: max(consumer._committed_offset.get(tp) or 0, self._told.get(at, 0)) for at, tp in assigned.items()}
        behind = {at: remembered.get(at, 0) for at, offset in told.items() if remembered.get(at, 0) < offset}
        if not behind:
            return {}
        earliest = await consumer.earliest_offsets(*(assigned[at] for at in behind))  # the log may have been cut
        floors = {at: max(offset, earliest[assigned[at]]) for at, offset in behind.items()}
        return {at: floor for at, floor in floors.items() if floor < told[at]}


def _shown(positions: dict[Partition, int]) -> dict[str, int]:
    return {f"{topic}:{partition}": offset for (topic, partition), offset in sorted(positions.items())}
