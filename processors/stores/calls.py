"""Calls of the functions in `projections.lua`, as data: each touches one bucket and spells out all its keys. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Literal

import msgspec

from processors.intents import (
    Claim,
    Count,
    Exclude,
    Forget,
    Include,
    Insert,
    Point,
    Remove,
    Save,
    Sketch,
    ViewIntent,
)
from schemas import projections
from schemas.ids import PhotoId, UserId
from schemas.projections import FEED_CAP, OUTBOX_CAP, Key, Processor, bucket_of_key
from schemas.topics import Origin

SLACK = 16  # entries over the cap before a trim, so that not every delivery to a full feed pays for one

Words = tuple[str | int, ...]


class Call(msgspec.Struct, frozen=True):
    """One atomic step in one slot."""

    function: Literal["apply", "publish", "make", "deliver", "advance"]
    keys: Sequence[str]
    args: Sequence[str | int]


class Change(msgspec.Struct, frozen=True):
    """One Redis command on one key."""

    command: str
    key: Key
    words: Words


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
            args += (change.command, keys.setdefault(change.key, len(keys) + 1), len(change.words), *change.words)
    return Call("apply", tuple(keys), args)


def by_bucket(processor: Processor, records: Iterable[tuple[Origin, Sequence[ViewIntent]]]) -> list[Call]:
    """One call for each bucket that these records touch."""
    buckets: dict[int, list[tuple[Step, list[Change]]]] = {}
    for origin, intents in records:
        step, mine = Step(processor, origin), dict[int, list[Change]]()
        for intent in intents:
            mine.setdefault(bucket_of_key(intent.key), []).append(_change(intent))
        for bucket, changes in mine.items():
            buckets.setdefault(bucket, []).append((step, changes))
    return [applied(bucket, changes, processor) for bucket, changes in buckets.items()]


def _change(intent: ViewIntent) -> Change:
    match intent:
        case Save(key=key, fields=fields):
            return Change("HSET", key, tuple(chain.from_iterable(fields.items())))
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
        case Point() | Forget():
            return _text(intent)
        case Count(key=key, field=field, by=by):
            return Change("HINCRBY", key, (field, by))
        case Sketch(key=key, members=members):
            return Change("PFADD", key, members)


def _text(intent: Point | Forget) -> Change:
    if isinstance(intent, Forget):
        return Change("DEL", intent.key, ())
    if intent.expires_at is None:
        return Change("SET", intent.key, (intent.value,))
    until_ms = int(intent.expires_at.timestamp() * 1000)  # in the past: the key is gone at once
    return Change("SET", intent.key, (intent.value, "PXAT", until_ms))


def published(step: Step, bucket: int, author: UserId, photo: PhotoId) -> Call:
    """The photo stands in the author's outbox."""
    return Call("publish", (step.guard(bucket), projections.outbox(author)), (*step.position, photo, OUTBOX_CAP, SLACK))


def made(step: Step, bucket: int, reader: UserId) -> Call:
    """The reader has a feed, empty when there was none."""
    return Call("make", (step.guard(bucket), projections.feed(reader)), step.position)


def delivered(
    step: Step, bucket: int, author: UserId, readers: Sequence[UserId], photos: Sequence[PhotoId], unrevealed: int
) -> Call:
    """The photos stand in the feeds of those of `readers`, all of `bucket`, who follow the author.

    `unrevealed` is the first id whose time has not come. A feed that is not there is cold and stays so.
    """
    lists = chain.from_iterable((projections.feed(reader), projections.sealed(reader)) for reader in readers)
    return Call(
        "deliver",
        (step.guard(bucket), projections.followers_in(author, bucket), *lists),
        (*step.position, int(step.moves), unrevealed, FEED_CAP, SLACK, len(readers), *readers, *photos),
    )


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
