"""What some stores want to be told besides effects. A store that has such a method is told."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

Partition = tuple[str, int]


@runtime_checkable
class Leasing(Protocol):
    """Holds something per assigned partition (the warehouse's append stream)."""

    def forget(self, assigned: Collection[Partition] = ()) -> None:
        """Partitions were assigned or revoked; drop what was held."""


@runtime_checkable
class Comparing(Protocol):
    """Keeps offsets of its own, which a wiped log would fall behind."""

    async def refuse_if_ahead(self, end_offsets: Mapping[Partition, int], now: datetime) -> None:
        """Raises when something is stored at or above the end of its partition."""


@runtime_checkable
class Watermarked(Protocol):
    """Guards its effects by watermarks, which a worker killed just after a loss may have left too high."""

    async def drop_watermarks(self, partitions: Collection[Partition]) -> None:
        """Of these partitions the store, or a part of it, remembers less than it was told; their records come again."""


@runtime_checkable
class CatchingUp(Protocol):
    """Tells its readers when it is complete again."""

    async def caught_up(self) -> None:
        """The processor has reached the end offsets captured at its start, or when its store was last found emptied."""


@runtime_checkable
class Tended(Protocol):
    """Has work of its own besides effects."""

    async def tend(self) -> None:
        """Some of it, in little time; called every second between batches."""


async def end_offsets(app: Any, topics: Collection[str]) -> dict[Partition, int]:
    """The next offset of every partition of these topics, whoever reads it. Empty before the log is known."""
    consumer = app.consumer
    partitions = [
        consumer._new_topicpartition(topic, number)
        for topic in sorted(topics)
        for number in range(consumer.topic_partitions(topic) or 0)
    ]
    ends = await consumer.highwaters(*partitions) if partitions else {}
    return {(tp.topic, tp.partition): int(offset) for tp, offset in ends.items()}


class Progress:
    """Whether a processor has reached what stood in the log when it began."""

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = topics
        self._goal: Mapping[Partition, int] | None = None
        self._told = False

    def begin_again(self) -> None:
        """The store was found emptied."""
        self._goal, self._told = None, False

    async def look(self, app: Any, store: CatchingUp, reached: Mapping[Partition, int]) -> None:
        """Tells the store, once, when it is so. An empty partition is reached from the start."""
        if self._told:
            return
        if self._goal is None:
            self._goal = await end_offsets(app, self._topics) or None
        if self._goal is not None and all(reached.get(tp, 0) >= end for tp, end in self._goal.items()):
            await store.caught_up()
            self._told = True
