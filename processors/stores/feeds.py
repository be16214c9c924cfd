"""In which order a feed intent touches the buckets, so that a crash between any two calls loses nothing.

Two rules. *Own side first*: outbox before followers are read, follower set before the outbox is read; so of a follow
and a photo that cross, one always sees the other. *The author's bucket speaks last*: its watermark moves when
everything else is done, so a record it has passed is done everywhere, and any other record may be done again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from processors.intents import FeedIntent, Follow, Publish, Unfollow, Withdraw
from processors.stores import calls
from processors.stores.calls import Call, Change, Readers, Step
from processors.stores.followers import Followers, Packed
from schemas import projections, tails
from schemas.ids import BUCKETS, PhotoId, UserId, bucket, floor_at
from schemas.projections import Key

READERS_PER_CALL = 500  # bounds how long one call holds the server: about 1 ms
PHOTOS_PER_CALL = 50  # of a backfill, which looks for the place of each: likewise
CALLS_AT_ONCE = 256  # bounds what one round trip carries
STALE = -2  # the readers of a delivery are not the author's followers any more

PULL_ABOVE = 10_000  # active followers: beyond, a reader's merge costs less than everybody's delivery
HYSTERESIS = 0.2

T = TypeVar("T")
Deliver = Callable[[Step, Readers], Call]


class Door(Protocol):
    """What the steps need of Redis. All raise whatever it raises."""

    async def carry_out(self, steps: Sequence[Call]) -> list[int]:
        """The answers of the functions. When it raises, any of them may have been carried out."""

    async def members(self, sets: Sequence[Key]) -> list[set[str]]:
        """The members of each set."""

    async def sizes(self, sets: Sequence[Key]) -> list[int]:
        """How many members each set has."""

    async def entries(self, key: Key) -> list[str]:
        """The entries of a list."""


@dataclass(frozen=True)
class Fanout:
    """Carries out feed intents, one at a time.

    Authors with more than `pull_above` active followers are pulled: what they publish goes to their outbox only, and
    their readers merge it when they read. They are pushed again at a fifth less.
    """

    door: Door
    clock: Callable[[], datetime]
    pull_above: int = PULL_ABOVE
    packed: Followers = field(default_factory=Followers)

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

    # --- photos -------------------------------------------------------------------------------------------------------

    async def _publish(self, step: Step, intent: Publish) -> None:
        author, photo, home = intent.author, intent.photo, bucket(intent.author)
        (how,) = await self.door.carry_out([calls.published(step, home, author, photo)])
        if how == 0:
            return
        if how == 1:
            if await self._push(step, author, photo) > self.pull_above:
                await self._pull(author)
        elif not await self._is_pushed_again(step, author):
            await self._pull(author)  # once more: whoever went back to pushing meanwhile may have had the last word
        await self._done(step, home)

    async def _push(self, step: Step, author: UserId, photo: PhotoId) -> int:
        """The photo stands with all followers; gives how many feeds there were."""
        unrevealed = floor_at(self.clock())
        is_sealed, reached = int(photo) >= unrevealed, 0
        for is_checked in (True, True, False):
            followers = await self._followers(author, is_sealed=is_sealed, is_checked=is_checked)
            answers = await self._to_all(
                step, bucket(author), followers, lambda s, to: calls.delivered(s, to, [photo], unrevealed)
            )
            reached += sum(answer for answer in answers if answer > 0)
            if STALE not in answers:
                break
            self.packed.drop((author, is_sealed))
        return reached

    async def _withdraw(self, step: Step, intent: Withdraw) -> None:
        author, photo, home = intent.author, intent.photo, bucket(intent.author)
        gone = Change("LREM", projections.outbox(author), (0, photo))
        if await self.door.carry_out([_before(step, home, gone)]) == [0]:
            return
        followers = await self._read(author, is_sealed=True, is_checked=False)
        await self._to_all(step, home, followers, lambda s, to: calls.withdrawn(s, to.bucket, to.ids, [photo]))
        await self._done(step, home)

    async def _to_all(self, step: Step, home: int, followers: Packed, deliver: Deliver) -> list[int]:
        early, last = _deliveries(step, home, followers, deliver)
        return await self._carry_out(early) + await self._carry_out(last)

    async def _done(self, step: Step, home: int, *last: Change) -> None:
        await self.door.carry_out([calls.applied(home, [(step, last)], step.processor)])

    # --- follows ------------------------------------------------------------------------------------------------------

    async def _follow(self, step: Step, intent: Follow) -> None:
        reader, author, home = intent.reader, intent.author, bucket(intent.reader)
        if await self._own_side(step, "SADD", intent) == 0:
            return
        if reader == author:  # they are new: a photo that came too early for this feed stands in the outbox by now
            await self.door.carry_out([calls.made(step.but_stays(), home, reader, self.clock())])
        photos, floor = await self._outbox(author)
        await self._carry_out(self._backfill(step.but_stays(), reader, author, photos))
        ends = calls.cut(reader, floor)
        await self._done(step, home, *ends, Change("UNSETTLE", projections.feed(reader), ()))

    def _backfill(self, step: Step, reader: UserId, author: UserId, newest: Sequence[PhotoId]) -> list[Call]:
        """Deliveries of all these photos to one reader."""
        unrevealed, steps = floor_at(self.clock()), list[Call]()
        for is_sealed in (False, True):
            photos = [photo for photo in reversed(newest) if (int(photo) >= unrevealed) is is_sealed]
            to = calls.readers(author, bucket(reader), [reader], is_sealed=is_sealed, is_all=False)
            steps += [calls.delivered(step, to, some, unrevealed) for some in _chunks(photos, PHOTOS_PER_CALL)]
        return steps

    async def _unfollow(self, step: Step, intent: Unfollow) -> None:
        if await self._own_side(step, "SREM", intent) == 0:
            return
        (photos, _), reader, home = await self._outbox(intent.author), intent.reader, bucket(intent.reader)
        some = _chunks(photos, PHOTOS_PER_CALL)
        await self._carry_out([calls.withdrawn(step.but_stays(), home, [reader], each) for each in some])
        await self._done(step, home)

    async def _own_side(self, step: Step, command: str, intent: Follow | Unfollow) -> int:
        """The reader is in the author's follower set, or is not; 0 when the record was done before."""
        home = bucket(intent.reader)
        key = projections.followers_in(intent.author, home)
        (new,) = await self.door.carry_out([_before(step, home, Change(command, key, (intent.reader,)))])
        return new

    # --- push or pull -------------------------------------------------------------------------------------------------

    async def _pull(self, author: UserId) -> None:
        """Readers merge the author's outbox; only when all of them do is nothing pushed any more."""
        home = bucket(author)
        await self._carry_out([calls.pulled(number, author) for number in range(BUCKETS) if number != home])
        await self.door.carry_out([calls.pulled(home, author)])

    async def _is_pushed_again(self, step: Step, author: UserId) -> bool:
        """Whether there are few enough followers to push; then all that was not pushed is, before readers stop merging.

        Of a pulled author's followers nobody counts the active ones: all of them must be few.
        """
        sizes = await self.door.sizes([projections.followers_in(author, number) for number in range(BUCKETS)])
        if sum(sizes) >= self.pull_above * (1 - HYSTERESIS):
            return False
        home = bucket(author)
        await self.door.carry_out([calls.pushed(home, author)])
        photos, floor = await self._outbox(author)
        for chunks in await self._read(author, is_sealed=False, is_checked=False):
            for reader in (reader for chunk in chunks for reader in chunk.ids):
                given = self._backfill(step.but_stays(), reader, author, photos)
                ends = _before(step, bucket(reader), *calls.cut(reader, floor))
                await self._carry_out([*given, ends])
        await self._carry_out([calls.pushed(number, author) for number in range(BUCKETS) if number != home])
        return author not in (await self.door.members([projections.pulled(home)]))[0]

    # --- what is known ------------------------------------------------------------------------------------------------

    async def _followers(self, author: UserId, *, is_sealed: bool, is_checked: bool) -> Packed:
        """The author's followers by bucket, as they were or are."""
        whose = (author, is_sealed)
        known = self.packed.get(whose) if is_checked else None
        if known is not None and await self._is_first_nowhere(author, known):
            return known
        found = await self._read(author, is_sealed=is_sealed, is_checked=is_checked)
        if is_checked and all(len(chunks) <= 1 for chunks in found):  # of several calls each would see another moment
            self.packed.put(whose, found)
        return found

    async def _is_first_nowhere(self, author: UserId, known: Packed) -> bool:
        """No delivery goes to a bucket that had no follower, so none would say that there is one now."""
        empty = [projections.followers_in(author, number) for number, chunks in enumerate(known) if not chunks]
        return not any(await self.door.sizes(empty))

    async def _read(self, author: UserId, *, is_sealed: bool, is_checked: bool) -> Packed:
        found = await self.door.members([projections.followers_in(author, number) for number in range(BUCKETS)])
        return [
            [
                calls.readers(author, number, some, is_sealed=is_sealed, is_all=is_checked and len(ids) == len(some))
                for some in _chunks(ids, READERS_PER_CALL)
            ]
            for number, ids in enumerate(sorted(map(UserId, readers)) for readers in found)
        ]

    async def _outbox(self, author: UserId) -> tuple[Sequence[PhotoId], int]:
        return tails.trimmed(await self.door.entries(projections.outbox(author)))

    async def _carry_out(self, steps: Sequence[Call]) -> list[int]:
        return [answer for some in _chunks(steps, CALLS_AT_ONCE) for answer in await self.door.carry_out(some)]


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


def _before(step: Step, home: int, *changes: Change) -> Call:
    """Changes that others of this record follow in the same bucket."""
    return calls.applied(home, [(step.but_stays(), changes)], step.processor)


def _deliveries(step: Step, home: int, followers: Packed, deliver: Deliver) -> tuple[list[Call], list[Call]]:
    """The calls that come first, and those that move the watermark of a bucket, which wait until those are done."""
    early, last = [], []
    for number, chunks in enumerate(followers):
        early += [deliver(step.but_stays(), chunk) for chunk in (chunks if number == home else chunks[:-1])]
        last += [deliver(step, chunk) for chunk in chunks[-1:] if number != home]
    return early, last
