"""Accepted events as records of the log: one per person, more where one would be too large."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Raw

from schemas.events import EventFlags, EventsRecord
from schemas.topics import MAX_RECORD_BYTES

ENVELOPE_BYTES = 3_000  # what a record holds besides events and context: ids, times, a key of 200 characters
SEPARATOR_BYTES = 8  # what an event costs besides its own bytes: a comma, its index
FLAG_BYTES = 160  # what one event's flags take in the envelope, made id included
MAX_ROWS_BYTES = 6_000_000  # of context: each row of the warehouse repeats it, and a request there holds 10 MB


class Kept(msgspec.Struct, frozen=True, gc=False):
    """One event that is to be stored; `index` is its place in the client's batch."""

    index: int
    raw: Raw
    key: str
    flags: EventFlags | None = None


def of(kept: Iterable[Kept], blank: EventsRecord, context_bytes: int) -> Iterator[EventsRecord]:
    """`blank`, filled with each person's events in the client's order."""
    people: dict[str, list[Kept]] = {}
    for event in kept:
        people.setdefault(event.key, []).append(event)
    for key, events in people.items():
        for part in _parts(events, context_bytes):
            yield _record(blank, key, part)


def of_plain(keys: Sequence[str], raws: list[Raw], blank: EventsRecord, context_bytes: int) -> Iterator[EventsRecord]:
    """The same for events without flags, `keys[i]` being the person of `raws[i]`; quick for a phone's batch."""
    size = sum(len(bytes(raw)) for raw in raws) + SEPARATOR_BYTES * len(raws)
    if len(set(keys)) > 1 or size > _room(context_bytes) or len(keys) > _most_events(context_bytes):
        yield from of(map(Kept, range(len(keys)), raws, keys), blank, context_bytes)
    else:
        yield msgspec.structs.replace(blank, key=keys[0], events=tuple(raws))


def _room(context_bytes: int) -> int:
    return MAX_RECORD_BYTES - ENVELOPE_BYTES - context_bytes


def _most_events(context_bytes: int) -> int:
    return max(1, MAX_ROWS_BYTES // max(1, context_bytes))


def _parts(events: list[Kept], context_bytes: int) -> Iterator[list[Kept]]:
    """The events in order, cut so that no part is too large for a record, or for the warehouse as rows."""
    room, most = _room(context_bytes), _most_events(context_bytes)
    part: list[Kept] = []
    size = 0
    for event in events:
        cost = len(bytes(event.raw)) + SEPARATOR_BYTES + (FLAG_BYTES if event.flags else 0)
        if part and (size + cost > room or len(part) == most):
            yield part
            part, size = [], 0
        part.append(event)
        size += cost
    yield part


def _record(blank: EventsRecord, key: str, part: list[Kept]) -> EventsRecord:
    indexes = tuple(event.index for event in part)
    return msgspec.structs.replace(
        blank,
        key=key,
        events=tuple(event.raw for event in part),
        indexes=() if indexes == tuple(range(len(part))) else indexes,
        flags={event.index: event.flags for event in part if event.flags},
    )
