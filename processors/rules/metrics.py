"""What a record adds to the live metrics: counts per minute, and who was active on a day.

Fields are few and known: `events`, `events:<Segment type>` or `events:erased`, `facts`, `facts:<type>`. Event *names*
come from clients and have no bound, so a hash never has one field per name; names are counted in the warehouse.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import msgspec

from processors.intents import Count, Sketch
from schemas.events import EventsRecord, EventType
from schemas.facts import Fact, PhotoDeveloped, PhotoSpoiled, type_name
from schemas.projections import active, minute


def tallies(value: Fact | EventsRecord, erased_at: datetime | None = None) -> Iterator[Count | Sketch]:
    """What `value` adds, in the minute in which we received it; a client's own clock is not asked.

    `erased_at`: when whoever sent the events erased themselves. What came after it is counted as such, for nobody.
    """
    match value:
        case EventsRecord() if erased_at is not None and value.received_at > erased_at:
            yield Count(minute(value.received_at), "events", len(value.events))
            yield Count(minute(value.received_at), "events:erased", len(value.events))
        case EventsRecord():
            yield from _batch(value)
        case _:
            yield from _fact(value)


def _batch(record: EventsRecord) -> Iterator[Count | Sketch]:
    at = minute(record.received_at)
    yield Count(at, "events", len(record.events))
    for type_, count in sorted(_types(record).items()):
        yield Count(at, f"events:{type_}", count)
    yield Sketch(active(record.received_at), (record.key,))


def _fact(fact: Fact) -> Iterator[Count | Sketch]:
    at = minute(fact.at)
    yield Count(at, "facts", 1)
    yield Count(at, f"facts:{type_name(fact)}", 1)
    if not isinstance(fact, PhotoDeveloped | PhotoSpoiled):  # made by a processor: `by` was not there
        yield Sketch(active(fact.at), (fact.by,))


class _Typed(msgspec.Struct, frozen=True):
    """All that is read of an event here: decoding the rest would double the cost of a record."""

    type: EventType


_typed = msgspec.json.Decoder(_Typed)


def _types(record: EventsRecord) -> Counter[str]:
    return Counter(_typed.decode(raw).type for raw in record.events)
