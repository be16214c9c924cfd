"""How far a processor has come: each server says it of the buckets it holds, and the processor is as far as the last.

So a server that was lost alone is noticed, and filled again from the log, while the others keep what they have.
"""

from collections.abc import Collection, Mapping, Sequence

from processors.stores import calls
from processors.stores.shards import Command, Lost, Server, Shards
from schemas import projections
from schemas.projections import Processor

Offsets = dict[str, int]  # next offset by `topic:partition`


class Misplaced(RuntimeError):
    """The table gives a server a bucket that it was not filled with; an operator must decide."""


class Reached:
    """One processor's progress on all servers."""

    def __init__(self, processor: Processor, shards: Shards) -> None:
        self._processor, self._shards = processor, shards
        self._known: Offsets = {}

    async def each(self) -> list[Offsets]:
        """By server."""
        found = await self._shards.ask_everywhere(("HGETALL", projections.progress(self._processor)))
        return [{str(field): int(offset) for field, offset in fields.items()} for (fields,) in found]

    async def least(self) -> Offsets:
        """What every server has passed; a server that remembers nothing of a partition lost all of it."""
        self._known = least(await self.each())
        return self._known

    async def advance(self, first: Mapping[str, int], reached: Offsets, version: str) -> None:
        """Never backwards. `Lost` when a server remembers less than was there before the batch.

        Someone may empty a server just before a batch, whose watermarks then hide that what is below is gone: they go.
        """
        before = {field: min(offset, self._known.get(field, 0)) for field, offset in first.items()}
        packed = calls.advanced(self._processor, before, reached).wire(version)
        answers = await self._shards.everywhere(lambda server: server.send(packed, 1))
        for (answer,) in answers:
            if isinstance(answer, Exception):
                raise answer
        emptied = [server for server, answer in zip(self._shards.servers, answers, strict=True) if answer == [0]]
        if emptied:
            await self._forget(emptied, ())
            raise Lost(f"progress of {self._processor} is behind; expected at least {before}")
        self._known |= reached

    async def drop_watermarks(self, fields: Collection[str]) -> None:
        """Of a server that remembers nothing of these partitions, and of those that would hide what others lost.

        A feed's record is skipped everywhere once its author's bucket has passed it (`feeds.py`). A view's is skipped
        bucket by bucket, and counts may not be counted twice: there a server that lost nothing keeps its own.
        """
        each = await self.each()
        for field in fields:
            lowest = min(offsets.get(field, 0) for offsets in each)
            ahead = [offsets.get(field, 0) > lowest and self._processor == "feeds" for offsets in each]
            chosen = [field not in offsets or hides for offsets, hides in zip(each, ahead, strict=True)]
            servers = [server for server, drops in zip(self._shards.servers, chosen, strict=True) if drops]
            await self._forget(servers, [field])

    async def _forget(self, servers: Sequence[Server], fields: Collection[str]) -> None:
        """No watermark of these partitions (none given: of any) may keep the log from filling these servers again."""
        for server in servers:
            own = self._shards.table.buckets(self._shards.servers.index(server))
            keys = [projections.watermark(bucket, self._processor) for bucket in own]
            dropped: list[Command] = [("HDEL", key, *fields) if fields else ("DEL", key) for key in keys]
            await server.ask(dropped)

    async def settle(self) -> None:
        """`Misplaced` when a server has come far without a bucket that is its own by the table."""
        for number, server in enumerate(self._shards.servers):
            await self._settle(server, {str(bucket) for bucket in self._shards.table.buckets(number)})

    async def _settle(self, server: Server, own: set[str]) -> None:
        key = projections.held(self._processor)
        asked: list[Command] = [("SMEMBERS", key), ("EXISTS", projections.progress(self._processor))]
        held, far = await self._shards.heard(server, asked)
        missing = sorted(own - set(held), key=int)
        if far and held and missing:
            raise Misplaced(
                f"bucket {missing[0]} lies on a server that was filled without it; move it there "
                "(`python -m processors move-bucket`), or empty that server, which is then filled from the log"
            )
        if missing:
            await server.ask([("SADD", key, *missing)])
        if gone := await self._gone(sorted(set(held) - own)):
            await server.ask([("SREM", key, *gone)])

    async def _gone(self, others: Sequence[str]) -> list[str]:
        """Those that no longer lie here; one that is on its way here does not yet, and is fenced where it lies."""
        marks = [projections.watermark(int(bucket), self._processor) for bucket in others]
        moving = await self._shards.ask([("HEXISTS", mark, projections.FENCE) for mark in marks])
        return [bucket for bucket, is_moving in zip(others, moving, strict=True) if not is_moving]


def least(each: Sequence[Mapping[str, int]]) -> Offsets:
    """The fields that all have, each with its smallest offset."""
    shared = set(each[0]).intersection(*each[1:])
    return {field: min(offsets[field] for offsets in each) for field in shared}
