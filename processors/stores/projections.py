"""Door to Redis: applies what rules want done to views, so that doing it twice, or late, changes nothing.

Everything that changes a bucket is one call of a function in `projections.lua`, which compares the bucket's watermark
with the record's offset and moves it in the same atomic step.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from processors.intents import FeedIntent, ViewIntent
from processors.processor import Effects
from processors.stores import calls
from processors.stores.calls import Call, Step
from processors.stores.feeds import PULL_ABOVE, Fanout
from processors.stores.progress import Reached
from processors.stores.shards import Command, Lost, ResponseError, Server, Shards
from processors.stores.tending import Tending
from schemas.projections import CAUGHT_UP, EPOCH, Key, Processor

__all__ = ["Ahead", "Lost", "Projections"]

LIBRARY = (Path(__file__).parent / "projections.lua").read_text()
VERSION = hashlib.sha256(LIBRARY.encode()).hexdigest()[:8]  # two versions live side by side during a deploy


class Ahead(RuntimeError):
    """The log was wiped and the views were not; an operator must decide."""


class Projections:
    """The views of one processor, on the servers of a table (`schemas/shards.py`). Implements `processor.Store`."""

    def __init__(
        self, processor: Processor, table: str, clock: Callable[[], datetime], pull_above: int = PULL_ABOVE
    ) -> None:
        self._processor = processor
        self._shards = Shards(table)
        self._reached = Reached(processor, self._shards)
        self._fanout = Fanout(self, clock, pull_above)
        self._tending = Tending(self, clock, lambda: uuid4().int >> 97)

    async def open(self) -> None:
        """Connect, and take the servers that answer for the right ones until they are others."""
        await self._shards.open()
        await self._load()
        await self._reached.settle()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._shards.close()

    async def progress(self) -> Mapping[tuple[str, int], int]:
        """Next offset by (topic, partition) that every server has passed. A missing one counts as 0."""
        return {_topic_and_partition(field): offset for field, offset in (await self._reached.least()).items()}

    async def refuse_if_ahead(self, end_offsets: Mapping[tuple[str, int], int], now: datetime | None = None) -> None:
        """`Ahead` when the log ends below what was applied: its new records would be skipped as old ones."""
        for found in await self._reached.each():
            at = {_topic_and_partition(field): offset for field, offset in found.items()}
            beyond = {place: offset for place, offset in at.items() if offset > end_offsets.get(place, offset)}
            if beyond:
                raise Ahead(f"{self._processor} has applied more than the log holds: {beyond}; wipe both or neither")

    async def apply(self, effects: Sequence[Effects]) -> None:
        """View intents of the batch first, bucket by bucket; then feed intents one by one; then progress.

        A rule wants either of views or of feeds: in one record the first would hide the second by its watermark.
        """
        views = [(each.origin, [i for i in each.intents if isinstance(i, ViewIntent)]) for each in effects]
        await self.carry_out(calls.by_bucket(self._processor, views))
        for each in effects:
            for lane, intent in enumerate(i for i in each.intents if isinstance(i, FeedIntent)):
                await self._fanout.apply(Step(self._processor, each.origin, lane=lane), intent)
        await self._advance(effects)

    async def drop_watermarks(self, partitions: Collection[tuple[str, int]]) -> None:
        """A worker killed on an emptied server left its watermarks; they would hide that what is below is gone."""
        await self._reached.drop_watermarks([f"{topic}:{partition}" for topic, partition in partitions])

    async def caught_up(self) -> None:
        """The processor has reached the end offsets captured at its start; the last of views and feeds sets `epoch`.

        Called once per start, by the app; again does nothing. Each server has its own epoch: it may be lost alone.
        """
        await self._reached.settle()
        await self._shards.everywhere(self._complete)

    async def _complete(self, server: Server) -> None:
        _, came = await server.ask([("SADD", CAUGHT_UP, self._processor), ("SMEMBERS", CAUGHT_UP)])
        if {"views", "feeds"} <= set(came):
            await server.ask([("SET", EPOCH, uuid4().hex, "NX")])

    async def tend(self) -> None:
        """Feeds are built and dropped, as their readers come or stay away; called every second, by the app."""
        if self._processor == "feeds":
            await self._tending.tend()

    # --- what `Fanout` and `Tending` need -----------------------------------------------------------------------------

    async def carry_out(self, steps: Sequence[Call]) -> list[Any]:
        """The answers of the functions, in one round trip; the library is loaded again on a server that forgot it."""
        answers = await self._send(steps)
        if any("Function not found" in str(answer) for answer in answers if isinstance(answer, ResponseError)):
            await self._load()
            answers = await self._send(steps)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def members(self, sets: Sequence[Key]) -> list[set[str]]:
        """The members of each set, in one round trip."""
        return [set(found) for found in await self._ask("SMEMBERS", sets)]

    async def hashes(self, keys: Sequence[Key]) -> list[dict[str, str]]:
        """The fields of each hash, in one round trip."""
        return await self._ask("HGETALL", keys)

    async def reached(self, processors: Sequence[Processor]) -> list[dict[str, int]]:
        """How far each of these has come on all servers: next offset by `topic:partition`."""
        return [await Reached(processor, self._shards).least() for processor in processors]

    async def sketched(self, key: Key) -> int:
        """How many members a sketch has seen, within 0.81 %."""
        (count,) = await self._ask("PFCOUNT", [key])
        return int(count)

    async def sizes(self, sets: Sequence[Key]) -> list[int]:
        """How many members each set has, in one round trip."""
        return await self._ask("SCARD", sets)

    async def entries(self, key: Key) -> list[str]:
        """The entries of a list."""
        (found,) = await self.lists([key])
        return found

    async def lists(self, keys: Sequence[Key]) -> list[list[str]]:
        """The entries of each list, in one round trip."""
        return await self._ask("LRANGE", keys, 0, -1)

    # --- the servers --------------------------------------------------------------------------------------------------

    async def _ask(self, command: str, keys: Sequence[Key], *words: int) -> list[Any]:
        asked: list[Command] = [(command, key, *words) for key in keys]
        return await self._shards.ask(asked)

    async def _send(self, steps: Sequence[Call]) -> list[Any]:
        return await self._shards.send(steps, VERSION)

    async def _load(self) -> None:
        await self._shards.load(LIBRARY.replace("VERSION", VERSION))

    async def _advance(self, effects: Sequence[Effects]) -> None:
        first, reached = dict[str, int](), dict[str, int]()
        for origin in (each.origin for each in effects):
            field = f"{origin.topic}:{origin.partition}"
            first[field] = min(first.get(field, origin.offset), origin.offset)
            reached[field] = max(reached.get(field, 0), origin.offset + 1)
        await self._reached.advance(first, reached, VERSION)


def _topic_and_partition(field: str) -> tuple[str, int]:
    topic, _, partition = field.rpartition(":")
    return topic, int(partition)
