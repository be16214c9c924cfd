"""Accepted events as records of the log: one per person, more where one would be too large. Pure."""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ingest.rules import limits
from schemas import events
from schemas.events import EventFlags, EventsRecord
from schemas.topics import MAX_RECORD_BYTES

ENVELOPE_BYTES = 3_000  # what a record holds besides events and context: ids, times, a key of 200 characters
SEPARATOR_BYTES = 8  # what an event costs besides its own bytes: a comma, its index
FLAG_BYTES = 160  # what one event's flags take in the envelope, made id included
MAX_ROWS_BYTES = 6_000_000  # of context: each row of the warehouse repeats it, and a request there holds 10 MB


class Record(msgspec.Struct, frozen=True):
    """What goes into the log under `key`: `value` is an `EventsRecord` of so many `events`."""

    app: str
    key: str
    events: int
    value: bytes


class Kept(msgspec.Struct, frozen=True, gc=False):
    """One event that is to be stored; `index` is its place in the client's batch."""

    index: int
    raw: Raw
    key: str
    flags: EventFlags | None = None


def of(kept: Iterable[Kept], blank: EventsRecord) -> Iterator[Record]:
    """`blank`, filled with each person's events in the client's order."""
    people: dict[str, list[Kept]] = {}
    for event in kept:
        people.setdefault(event.key, []).append(event)
    for key, theirs in people.items():
        for part in _parts(theirs, size(blank.context)):
            yield _record(blank, key, part)


def of_one(key: str, array: Raw, count: int, blank: EventsRecord) -> Record | None:
    """The record of one person's batch, `array` being its events with the commas; None when it would be too large."""
    context_bytes = size(blank.context)
    if size(array) + context_bytes > limits.EVENT_BYTES or count > _most_events(context_bytes):
        return None  # one of them might be, or the record: to be seen when they are taken apart
    # What is encoded is the same as if each stood by itself, but it need not be taken apart.
    return _encoded(msgspec.structs.replace(blank, key=key, events=(array,)), count)


def size(text: Raw | UnsetType) -> int:
    """In bytes; of what is not there, 0."""
    return 0 if text is UNSET else memoryview(text).nbytes


def _room(context_bytes: int) -> int:
    return MAX_RECORD_BYTES - ENVELOPE_BYTES - context_bytes


def _most_events(context_bytes: int) -> int:
    return max(1, MAX_ROWS_BYTES // max(1, context_bytes))


def _parts(events: list[Kept], context_bytes: int) -> Iterator[list[Kept]]:
    """The events in order, cut so that no part is too large for a record, or for the warehouse as rows."""
    room, most = _room(context_bytes), _most_events(context_bytes)
    part: list[Kept] = []
    held = 0
    for event in events:
        cost = size(event.raw) + SEPARATOR_BYTES + (FLAG_BYTES if event.flags else 0)
        if part and (held + cost > room or len(part) == most):
            yield part
            part, held = [], 0
        part.append(event)
        held += cost
    yield part


def _record(blank: EventsRecord, key: str, part: list[Kept]) -> Record:
    indexes = tuple(event.index for event in part)
    filled = msgspec.structs.replace(
        blank,
        key=key,
        events=tuple(event.raw for event in part),
        indexes=() if indexes == tuple(range(len(part))) else indexes,
        flags={event.index: event.flags for event in part if event.flags},
    )
    return _encoded(filled, len(part))


def _encoded(filled: EventsRecord, count: int) -> Record:
    return Record(filled.app, filled.key, count, events.encode(filled))
