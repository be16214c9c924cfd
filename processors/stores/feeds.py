"""In which order a feed intent touches the buckets, so that a crash between any two calls loses nothing.

Two rules. *Own side first*: outbox before followers are read, follower set before the outbox is read; so of a follow
and a photo that cross, one always sees the other. *The author's bucket speaks last*: its watermark moves when
everything else is done, so a record it has passed is done everywhere, and any other record may be done again.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from processors.intents import FeedIntent, Follow, Publish, Unfollow, Withdraw
from processors.stores import calls
from processors.stores.calls import Call, Change, Step
from schemas import projections
from schemas.ids import BUCKETS, PhotoId, UserId, bucket, floor_at
from schemas.projections import Key

READERS_PER_CALL = 250  # bounds how long one call holds the server: about 1 ms

Deliver = Callable[[Step, int, Sequence[UserId]], Call]


class Door(Protocol):
    """What the steps need of Redis. All three raise whatever it raises."""

    async def carry_out(self, steps: Sequence[Call]) -> list[int]:
        """The answers of the functions. When it raises, any of them may have been carried out."""

    async def members(self, sets: Sequence[Key]) -> list[set[str]]:
        """The members of each set."""

    async def entries(self, key: Key) -> list[str]:
        """The entries of a list."""


class Fanout(msgspec.Struct, frozen=True):
    """Carries out feed intents, one at a time."""

    door: Door
    clock: Callable[[], datetime]

    def apply(self, step: Step, intent: FeedIntent) -> Awaitable[None]:
        """Durable when it returns; may be applied again at any time."""
        match intent:
            case Publish():
                return self._publish(step, intent)
            case Withdraw():
                return self._withdraw(step, intent)
            case Follow():
                return self._follow(step, intent)
            case Unfollow():
                return self._unfollow(step, intent)

    async def _publish(self, step: Step, intent: Publish) -> None:
        author, photo = intent.author, intent.photo
        unrevealed = floor_at(self.clock())

        def deliver(step: Step, bucket: int, readers: Sequence[UserId]) -> Call:
            return calls.delivered(step, bucket, author, readers, [photo], unrevealed)

        await self._fan_out(step, author, calls.published(step, bucket(author), author, photo), deliver)

    async def _withdraw(self, step: Step, intent: Withdraw) -> None:
        author, photo = intent.author, intent.photo

        def deliver(step: Step, bucket: int, readers: Sequence[UserId]) -> Call:
            return calls.withdrawn(step, bucket, readers, [photo])

        first = _before(step, bucket(author), Change("LREM", projections.outbox(author), (0, photo)))
        await self._fan_out(step, author, first, deliver)

    async def _fan_out(self, step: Step, author: UserId, first: Call, deliver: Deliver) -> None:
        home = bucket(author)
        if await self.door.carry_out([first]) == [0]:
            return
        early, last = _deliveries(step, home, await self._followers(author), deliver)
        await self.door.carry_out(early)
        await self.door.carry_out(last)
        await self.door.carry_out([calls.applied(home, [(step, ())], step.processor)])

    async def _follow(self, step: Step, intent: Follow) -> None:
        reader, author, home = intent.reader, intent.author, bucket(intent.reader)
        if await self._own_side(step, "SADD", intent) == 0:
            return
        if reader == author:  # they are new: a photo that came too early for this feed stands in the outbox by now
            await self.door.carry_out([calls.made(step.but_stays(), home, reader)])
        photos, unrevealed = await self._outbox(author), floor_at(self.clock())
        await self.door.carry_out([calls.delivered(step, home, author, [reader], photos, unrevealed)])

    async def _unfollow(self, step: Step, intent: Unfollow) -> None:
        if await self._own_side(step, "SREM", intent) == 0:
            return
        photos = await self._outbox(intent.author)
        await self.door.carry_out([calls.withdrawn(step, bucket(intent.reader), [intent.reader], photos)])

    async def _own_side(self, step: Step, command: str, intent: Follow | Unfollow) -> int:
        """The reader is in the author's follower set, or is not; 0 when the record was done before."""
        home = bucket(intent.reader)
        key = projections.followers_in(intent.author, home)
        (new,) = await self.door.carry_out([_before(step, home, Change(command, key, (intent.reader,)))])
        return new

    async def _followers(self, author: UserId) -> list[list[UserId]]:
        """The author's followers by bucket."""
        found = await self.door.members([projections.followers_in(author, number) for number in range(BUCKETS)])
        return [sorted(map(UserId, readers)) for readers in found]

    async def _outbox(self, author: UserId) -> list[PhotoId]:
        return list(map(PhotoId, await self.door.entries(projections.outbox(author))))


def _before(step: Step, home: int, change: Change) -> Call:
    """A change that others of this record follow in the same bucket."""
    return calls.applied(home, [(step.but_stays(), [change])], step.processor)


def _deliveries(
    step: Step, home: int, followers: Sequence[Sequence[UserId]], deliver: Deliver
) -> tuple[list[Call], list[Call]]:
    """The calls that come first, and those that move the watermark of a bucket, which wait until those are done."""
    early, last = [], []
    for number, readers in enumerate(followers):
        chunks = [readers[at : at + READERS_PER_CALL] for at in range(0, len(readers), READERS_PER_CALL)]
        early += [deliver(step.but_stays(), number, chunk) for chunk in (chunks if number == home else chunks[:-1])]
        last += [deliver(step, number, chunk) for chunk in chunks[-1:] if number != home]
    return early, last
