"""Whose feed is kept: built for who came and was answered from outboxes, dropped for who has not come for days.

A feed that is being built already takes part in deliveries (*own side first*), but claims to be complete for nothing
until everything its reader's people have published before stands in it too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from processors.stores import calls
from processors.stores.calls import Call
from schemas import projections, tails
from schemas.ids import BUCKETS, PhotoId, UserId, bucket, floor_at
from schemas.projections import FEED_CAP, Key, Processor

KEPT = timedelta(days=4)  # after the last reading
AT_ONCE = 2  # readers per bucket and look, each a few milliseconds


class Door(Protocol):
    """What tending needs of Redis. All raise whatever it raises."""

    async def carry_out(self, steps: Sequence[Call]) -> list[Any]:
        """The answers of the functions."""

    async def members(self, sets: Sequence[Key]) -> list[set[str]]:
        """The members of each set."""

    async def lists(self, keys: Sequence[Key]) -> list[list[str]]:
        """The entries of each list."""

    async def hashes(self, keys: Sequence[Key]) -> list[dict[str, str]]:
        """The fields of each hash."""

    async def reached(self, processors: Sequence[Processor]) -> list[dict[str, int]]:
        """How far each of these processors has come: next offset by `topic:partition`."""


@dataclass(frozen=True)
class Tending:
    """Several workers may tend the same feeds: whoever begins last finishes."""

    door: Door
    clock: Callable[[], datetime]
    builder: Callable[[], int]  # another number below 2^31 each time

    async def tend(self) -> None:
        """Some of what is to be done; called again and again."""
        until = self.clock() - KEPT
        found = await self.door.carry_out([calls.due(number, until, AT_ONCE) for number in range(BUCKETS)])
        await self.door.carry_out([calls.dropped(reader, until) for idle, _ in found for reader in idle])
        for reader in (reader for _, cold in found for reader in cold):
            await self.build(reader)

    async def build(self, reader: UserId) -> bool:
        """Whether the feed was built; it is not when somebody else builds it, or views know too little just now."""
        builder = self.builder()
        if await self.door.carry_out([calls.building(reader, builder)]) == [0]:
            await self.door.carry_out([calls.warm(reader)])
            return False
        if not await self._knows_follows(reader):
            return False
        (followed,) = await self.door.members([projections.following(reader)])
        outboxes = await self.door.lists([projections.outbox(UserId(author)) for author in {reader, *followed}])
        unrevealed = floor_at(self.clock())
        photos, floor = newest(outboxes, unrevealed)
        return await self.door.carry_out([calls.built(reader, builder, photos, floor, unrevealed)]) == [1]

    async def _knows_follows(self, reader: UserId) -> bool:
        """Whether the view of whom the reader follows is as new as what went past the feed before it was begun.

        A batch of `feeds` that is not yet in its progress stands in the watermark of the reader's bucket.
        """
        (here,) = await self.door.hashes([projections.watermark(bucket(reader), "feeds")])
        known, feeds = await self.door.reached(["views", "feeds"])
        wanted = [*feeds.items(), *_passed(here).items()]
        return all(known.get(field, 0) >= offset for field, offset in wanted)


def newest(outboxes: Sequence[Sequence[str]], unrevealed: int) -> tuple[list[PhotoId], int]:
    """What a feed of these outboxes holds, oldest first, and from which id on that is complete (0: all of it)."""
    known = [tails.trimmed(entries) for entries in outboxes]
    every = sorted({int(photo) for photos, _ in known for photo in photos})
    due = [photo for photo in every if photo < unrevealed]
    floor = max([due[-FEED_CAP] if len(due) > FEED_CAP else 0, *(floor for _, floor in known)])
    return [PhotoId(str(photo)) for photo in every if photo >= floor], floor


def _passed(watermarks: Mapping[str, str]) -> dict[str, int]:
    """Next offset by `topic:partition`, lanes put together."""
    offsets: dict[str, int] = {}
    for field, offset in watermarks.items():
        partition = field.partition("#")[0]
        offsets[partition] = max(offsets.get(partition, 0), int(offset) + 1)
    return offsets
