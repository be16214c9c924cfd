"""Calls of the functions in `projections.lua`, as data: each touches one bucket and spells out all its keys. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Literal

import msgspec

from processors.intents import (
    Arrive,
    Claim,
    Count,
    Exclude,
    Forget,
    Include,
    Insert,
    Mark,
    Point,
    Raise,
    Remove,
    Save,
    Sketch,
    Tally,
    Until,
    ViewIntent,
)
from schemas import projections, tails
from schemas.ids import PhotoId, UserId, bucket
from schemas.projections import FEED_CAP, OUTBOX_CAP, Key, Processor, bucket_of_key
from schemas.topics import Origin

SLACK = 16  # entries over the cap before a trim, so that not every delivery to a full feed pays for one

Words = tuple[str | int, ...]
Function = Literal["apply", "publish", "make", "deliver", "member", "build", "built", "due", "drop", "advance"]


class Call(msgspec.Struct, frozen=True):
    """One atomic step in one slot. `packed` is what `keys` and `args` are on the wire, when that was made before."""

    function: Function
    keys: Sequence[str]
    args: Sequence[str | int]
    packed: bytes = b""
    words: int = 0  # in `packed`

    def wire(self, version: str) -> bytes:
        """The call of the function of that version as RESP."""
        packed = self.packed or bulk((len(self.keys), *self.keys, *self.args))
        count = 2 + (self.words or 1 + len(self.keys) + len(self.args))
        return b"*%d\r\n%b%b" % (count, bulk(("FCALL", f"{self.function}_{version}")), packed)


class Change(msgspec.Struct, frozen=True):
    """One Redis command on one key, or a command of ours that looks at others, too."""

    command: str
    key: Key
    words: Words
    beside: tuple[Key, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """Where a call belongs: which record of which processor, and whether it is the record's last one in its bucket.

    `lane` numbers the intents of a record that are carried out one after another; each has a watermark of its own.
    """

    processor: Processor
    origin: Origin
    moves: bool = True
    lane: int = 0

    def guard(self, bucket: int) -> Key:
        """The key of the watermark."""
        return projections.watermark(bucket, self.processor)

    @property
    def position(self) -> Words:
        """Field of the watermark, and the offset it is compared with."""
        field = f"{self.origin.topic}:{self.origin.partition}"
        return (f"{field}#{self.lane}" if self.lane else field, self.origin.offset)

    def but_stays(self) -> "Step":
        """The same place before the bucket's last call."""
        return msgspec.structs.replace(self, moves=False)


def applied(bucket: int, changes: Iterable[tuple[Step, Sequence[Change]]], processor: Processor) -> Call:
    """All that these records do to `bucket`, record by record."""
    keys: dict[str, int] = {projections.watermark(bucket, processor): 1}
    args: list[str | int] = []
    for step, wanted in changes:
        args += (*step.position, int(step.moves), len(wanted))
        for change in wanted:
            key = keys.setdefault(change.key, len(keys) + 1)
            beside = [keys.setdefault(each, len(keys) + 1) for each in change.beside]
            args += (change.command, key, len(beside) + len(change.words), *beside, *change.words)
    return Call("apply", tuple(keys), args)


def by_bucket(processor: Processor, records: Iterable[tuple[Origin, Sequence[ViewIntent]]]) -> list[Call]:
    """One call for each bucket that these records touch."""
    buckets: dict[int, list[tuple[Step, list[Change]]]] = {}
    for origin, intents in records:
        step, mine = Step(processor, origin), dict[int, list[Change]]()
        for intent in intents:
            mine.setdefault(bucket_of_key(intent.key), []).append(_change(intent, origin.offset))
        for number, changes in mine.items():
            buckets.setdefault(number, []).append((step, changes))
    return [applied(number, changes, processor) for number, changes in buckets.items()]


def _change(intent: ViewIntent, offset: int) -> Change:
    match intent:
        case Save(key=key, fields=fields, unless=unless):
            words = tuple(chain.from_iterable(fields.items()))
            return Change("NOTE", key, (unless, *words)) if unless else Change("HSET", key, words)
        case Include(key=key, member=member):
            return Change("SADD", key, (member,))
        case Exclude(key=key, member=member):
            return Change("SREM", key, (member,))
        case Insert(key=key, place=place):
            return Change("ZADD", key, (0, place))
        case Remove(key=key, place=place):
            return Change("ZREM", key, (place,))
        case Claim(key=key, id=id):
            return Change("CLAIM", key, (id,))
        case Point() | Forget() | Until():
            return _text(intent)
        case Arrive() | Raise() | Mark():
            return _scored(intent, offset)
        case Count(key=key, field=field, by=by):
            return Change("HINCRBY", key, (field, by))
        case Sketch(key=key, members=members):
            return Change("PFADD", key, members)
        case Tally(key=key, field=field, of=of, less=less):
            return Change("TALLY", key, (field,), (of, less) if less else (of,))


def _scored(intent: Arrive | Raise | Mark, offset: int) -> Change:
    match intent:
        case Arrive(key=key, member=member):
            return Change("ZADD", key, ("NX", offset, member))
        case Raise(key=key, member=member, score=score):
            return Change("ZADD", key, ("GT", score, member))
        case Mark(key=key, member=member, order=order, item=item):
            return Change("MARK", key, (item, member), (order,))


def _text(intent: Point | Forget | Until) -> Change:
    """A moment in the past: the key is gone at once."""
    match intent:
        case Forget(key=key):
            return Change("DEL", key, ())
        case Until(key=key, at=at):
            return Change("PEXPIREAT", key, (_ms(at),))
        case Point(key=key, value=value, expires_at=until):
            return Change("SET", key, (value, "PXAT", _ms(until)) if until else (value,))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def bulk(given: Iterable[str | int]) -> bytes:
    """Bulk strings as RESP."""
    texts = (str(each).encode() for each in given)
    return b"".join([b"$%d\r\n%b\r\n" % (len(text), text) for text in texts])


def published(step: Step, bucket: int, author: UserId, photo: PhotoId) -> Call:
    """The photo stands in the author's outbox. Answers 0 (done before), 1 (push it) or 2 (the author is pulled)."""
    keys = (step.guard(bucket), projections.outbox(author), projections.pulled(bucket))
    return Call("publish", keys, (*step.position, photo, OUTBOX_CAP, SLACK, author))


def made(step: Step, bucket: int, reader: UserId, now: datetime) -> Call:
    """The reader has a feed, empty when there was none."""
    lists = (projections.feed(reader), projections.sealed(reader))
    keys = (step.guard(bucket), *lists, projections.opened(bucket))
    return Call("make", keys, (*step.position, reader, int(now.timestamp())))


class Readers(msgspec.Struct, frozen=True):
    """Some followers of an author in one bucket, with what every delivery to them has in common already packed."""

    bucket: int
    ids: Sequence[UserId]
    keys: Sequence[str]  # without the watermark
    is_sealed: bool
    before: bytes
    after: bytes


def readers(author: UserId, bucket: int, ids: Sequence[UserId], *, is_sealed: bool, is_all: bool) -> Readers:
    """`is_all`: the delivery is to be refused (-2) when these are not the author's followers in the bucket any more."""
    kinds = (projections.feed, projections.sealed) if is_sealed else (projections.feed,)
    keys = (projections.followers_in(author, bucket), *(kind(reader) for reader in ids for kind in kinds))
    common: Words = (FEED_CAP, FEED_CAP + SLACK + 1, len(ids) if is_all else -1, len(ids), *ids)
    return Readers(bucket, ids, keys, is_sealed, bulk(keys), bulk(common))


def delivered(step: Step, to: Readers, photos: Sequence[PhotoId], unrevealed: int) -> Call:
    """The photos, oldest first, stand in the lists of those of the readers who follow the author.

    All of them are of the kind that the readers were packed for; `unrevealed` is the first id whose time has not come.
    A feed that is not there is cold and stays so. Answers how many were there, -1 (done before) or -2 (see `readers`).
    """
    guard, place = step.guard(to.bucket), (*step.position, int(step.moves), unrevealed if to.is_sealed else "")
    packed = b"".join((bulk((len(to.keys) + 1, guard)), to.before, bulk(place), to.after, bulk(photos)))
    return Call("deliver", (guard,), (), packed, 2 + len(to.keys) + len(place) + 4 + len(to.ids) + len(photos))


def cut(reader: UserId, floor: int) -> Sequence[Change]:
    """The reader's feed is complete from `floor` on at the earliest (0: it stays as it is).

    A feed that is being built is left alone: it will say so itself.
    """
    return [Change("CUT", projections.feed(reader), (floor,))] if floor else []


def _tended(function: Function, bucket: int, keys: Sequence[str], args: Sequence[str | int]) -> Call:
    """A call that no record guards; a bucket that moves refuses it, too."""
    return Call(function, (projections.watermark(bucket, "feeds"), *keys), args)


def pulled(bucket: int, author: UserId) -> Call:
    """Readers of the bucket merge the author's outbox. True whenever it is done: no record guards it."""
    return _tended("member", bucket, (projections.pulled(bucket),), ("SADD", author))


def pushed(bucket: int, author: UserId) -> Call:
    """They do not."""
    return _tended("member", bucket, (projections.pulled(bucket),), ("SREM", author))


def building(reader: UserId, builder: int) -> Call:
    """The reader has a feed, which takes part in deliveries and is complete for nothing yet; 0 when it is complete.

    `builder` is any number below 2^31, another one each time: a builder who was overtaken finishes nothing.
    """
    keys = (projections.feed(reader), projections.sealed(reader))
    return _tended("build", bucket(reader), keys, (tails.being_built(builder),))


def built(reader: UserId, builder: int, photos: Sequence[PhotoId], floor: int, unrevealed: int) -> Call:
    """What this builder builds holds these too (oldest first), and is complete from `floor` on; else 0."""
    keys = (projections.feed(reader), projections.sealed(reader), projections.cold(bucket(reader)))
    ends = (tails.being_built(builder), tails.complete_from(floor))
    return _tended("built", bucket(reader), keys, (*ends, unrevealed, reader, *photos))


def warm(reader: UserId) -> Call:
    """The reader's feed need not be built."""
    return _tended("member", bucket(reader), (projections.cold(bucket(reader)),), ("SREM", reader))


def due(bucket: int, until: datetime, count: int) -> Call:
    """Answers some readers of the bucket who last opened their feed before, and some whose feed is to be built."""
    keys = (projections.opened(bucket), projections.cold(bucket))
    return _tended("due", bucket, keys, (int(until.timestamp()), count))


def dropped(reader: UserId, until: datetime) -> Call:
    """The reader's feed is cold, unless they opened it since."""
    opened = projections.opened(bucket(reader))
    keys = (opened, projections.feed(reader), projections.sealed(reader))
    return _tended("drop", bucket(reader), keys, (int(until.timestamp()), reader))


def withdrawn(step: Step, bucket: int, readers: Sequence[UserId], photos: Sequence[PhotoId]) -> Call:
    """None of the photos stands in a feed of `readers`, all of `bucket`."""
    lists = chain.from_iterable((projections.feed(reader), projections.sealed(reader)) for reader in readers)
    changes = [Change("LREM", key, (0, photo)) for key in lists for photo in photos]
    return applied(bucket, [(step, changes)], step.processor)


def advanced(processor: Processor, before: Mapping[str, int], reached: Mapping[str, int]) -> Call:
    """The processor's progress is at least `reached`, and was at least `before`: next offset by `topic:partition`."""
    args: list[str | int] = []
    for field, offset in reached.items():
        args += (field, before.get(field, 0), offset)
    return Call("advance", (projections.progress(processor),), args)
