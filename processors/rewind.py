"""Reading again from an earlier offset, without losing what lies between.

Faust's own `seek` is not enough. What was fetched before it still sits in the fetcher, in the queue and in the stream;
what was acknowledged before it is still committed after it; and records that were fetched but not delivered look like a
compacted gap, which Faust commits over. So: stop the flow, wait for the fetch under way, commit the *lower* offset
(from here on a crash is harmless), forget all acknowledgements, seek every partition, let it flow again.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

import structlog

Partition = tuple[str, int]
log = structlog.get_logger(__name__)


def rewindable(consumer: type[Any]) -> type[Any]:
    """Faust's consumer with two locks: `reading` (a fetch is under way), `positions` (offsets are being settled)."""

    class Rewindable(consumer):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.reading = asyncio.Lock()
            self.positions = asyncio.Lock()

        async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
            async with self.reading:
                return await super()._getmany(active_partitions, timeout)

        async def force_commit(self, *args: Any, **kwargs: Any) -> Any:
            async with self.positions:
                return await super().force_commit(*args, **kwargs)

        async def perform_seek(self) -> None:
            """Also seeks where nothing is committed: aiokafka leaves the position behind what was fetched and dropped.

            To 0, which is out of range when the log has been cut; then the fetcher goes to the earliest. Asking for the
            earliest would wait behind a fetch under way, 1.5 s.
            """
            async with self.positions:
                await super().perform_seek()
                unread = {tp for tp in self.assignment() if not self._committed_offset.get(tp)}
                if unread:
                    await self.seek_wait(dict.fromkeys(unread, 0))

    return Rewindable


async def rewind(app: Any, lower: Mapping[Partition, int]) -> WeakSet[Any] | None:
    """Lets `app` read these partitions again from there.

    Gives the messages that were on their way and must no longer be processed: each comes again. None when a rebalance
    is under way; then nothing has changed, and whoever gets the partitions must ask again.
    """
    consumer = app.consumer
    consumer.stop_flow()
    app.flow_control.suspend()
    app.flow_control.clear()
    _let_fetch_again(consumer)
    try:
        async with consumer.reading, consumer.positions:
            if app.rebalancing or not await _settled(consumer, lower):
                return None
            return WeakSet(consumer.unacked)
    finally:
        if not app.rebalancing:  # else the rebalance lets it flow, after a seek of its own
            app.flow_control.resume()
            consumer.resume_flow()


async def _settled(consumer: Any, lower: Mapping[Partition, int]) -> bool:
    """Kafka, aiokafka and Faust agree on where to read on; False when Kafka says that the group rebalances."""
    partitions = consumer.assignment()
    to = {tp: lower.get(tp, consumer._committed_offset.get(tp) or 0) for tp in partitions}
    lowered = {tp: to[tp] for tp in partitions if tuple(tp) in lower}
    _forget_acknowledgements(consumer, partitions)
    if not await consumer._thread.commit(lowered):
        return False
    await consumer.seek_wait(to)
    for tp, offset in to.items():
        consumer._committed_offset[tp] = offset or None  # Faust's own spelling: None before the first commit
        consumer._read_offset[tp] = offset or None
    _forget_acknowledgements(consumer, partitions)
    return True


def _forget_acknowledgements(consumer: Any, partitions: set[Any]) -> None:
    for tp in partitions:
        for remembered in (consumer._acked, consumer._acked_index, consumer._gap):
            remembered.pop(tp, None)


def _let_fetch_again(consumer: Any) -> None:
    """The queue is empty now, so no partition is held back because it was full."""
    for tp in list(consumer._buffered_partitions):
        consumer.on_buffer_drop(tp)


async def commit_lower(app: Any, lower: Mapping[Partition, int]) -> None:
    """Commits these offsets although later ones are committed; for a process that stops and reads nothing more."""
    consumer = app.consumer
    consumer.stop_flow()
    async with consumer.positions:
        assigned = consumer.assignment()
        _forget_acknowledgements(consumer, assigned)
        await consumer._thread.commit({tp: lower[tuple(tp)] for tp in assigned if tuple(tp) in lower})
