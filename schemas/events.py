"""Events: what a client reports (analytics). Segment's vocabulary, high volume, may be wrong.

One Kafka record of `events.v1` is one client batch of one person: an envelope around the events exactly as the client
sent them. The log keeps bytes as they came; whoever reads them (`Event`) normalises.
"""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

EventType = Literal["track", "identify", "page", "screen", "group", "alias"]
EVENT_TYPES: tuple[EventType, ...] = ("track", "identify", "page", "screen", "group", "alias")

Flag = Literal["id_made", "time_unreadable", "time_implausible"]


class EventFlags(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the collector says of one event without touching its bytes."""

    message_id: str | None = None
    flags: tuple[Flag, ...] = ()


class EventsRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The envelope. `indexes` are the events' places in the client's batch (absent = 0..n-1); `flags` go by them."""

    app: str
    batch_id: str
    received_at: datetime
    key: str
    events: tuple[Raw, ...]
    sent_at: str | None = None
    country: str | None = None
    context: Raw | UnsetType = UNSET
    indexes: tuple[int, ...] = ()
    flags: dict[int, EventFlags] = {}


class Library(msgspec.Struct, frozen=True):
    """The SDK that sent the event."""

    name: object = None
    version: object = None


class Event(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One event, read leniently: the collector already judged it, members it does not list are ignored.

    `event` is the name of a track call, `name` of a page or screen. Times are text as the client wrote them.
    """

    type: EventType
    message_id: str | None = None
    event: str | None = None
    name: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    timestamp: object = None
    original_timestamp: object = None
    properties: Raw | UnsetType = UNSET
    traits: Raw | UnsetType = UNSET
    context: Raw | UnsetType = UNSET


_encoder = msgspec.json.Encoder()
_record_decoder = msgspec.json.Decoder(EventsRecord)
_event_decoder = msgspec.json.Decoder(Event)


def encode(record: EventsRecord) -> bytes:
    """The bytes of an events record in the log."""
    return _encoder.encode(record)


def decode(value: bytes | None) -> EventsRecord:
    """The envelope in a record's value; `msgspec.DecodeError` names what is wrong with it."""
    if value is None:
        raise msgspec.ValidationError("an events record has no value; expected JSON")
    return _record_decoder.decode(value)


def indexed(record: EventsRecord) -> list[tuple[int, Event]]:
    """Each event of the record with its index in the client's batch."""
    indexes = record.indexes or range(len(record.events))
    return [(index, _event_decoder.decode(raw)) for index, raw in zip(indexes, record.events, strict=True)]


def event_id(record: EventsRecord, index: int, event: Event) -> str:
    """The client's messageId, or the one the collector made when there was none."""
    made = record.flags.get(index)
    return (made.message_id if made else None) or event.message_id or ""


def event_name(event: Event) -> str:
    """What the event is called: a track's `event`, a page's or screen's `name`, else its type."""
    return event.event or event.name or event.type
