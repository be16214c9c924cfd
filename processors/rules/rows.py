"""What analysts will read of a record: one row per event of a batch, one per fact.

The log keeps bytes as the client sent them; this is where they are read leniently and given columns. Nothing here may
refuse an event that the collector accepted: what cannot be read becomes NULL, or our own clock.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from processors.intents import Row
from schemas import events, facts
from schemas.events import Event, EventsRecord
from schemas.facts import Fact
from schemas.warehouse import EVENTS, FACTS


class _Context(msgspec.Struct, frozen=True, rename="camel"):
    """The members of a context that have a column of their own, of whatever type the client made them."""

    os: object = None
    app: object = None
    library: object = None
    session_id: object = None


_NO_CONTEXT = _Context()
_context_decoder = msgspec.json.Decoder(_Context)


def rows(value: Fact | EventsRecord) -> Iterator[Row]:
    """The rows of one record, in the order of the client's batch."""
    if isinstance(value, EventsRecord):
        return event_rows(value)
    return iter((Row(FACTS, fact_values(value)),))


def fact_values(fact: Fact) -> Mapping[str, object]:
    """The whole fact as JSON, and beside it what it is found by."""
    return {
        "fact_id": str(fact.id),
        "type": facts.type_name(fact),
        "aggregate": facts.aggregate(fact),
        "accepted_at": fact.at,
        "user_id": fact.by,
        "payload": facts.encode(fact).decode(),
    }


def event_rows(record: EventsRecord) -> Iterator[Row]:
    """One row per event; what the batch says once (its context, when it was sent) stands in each."""
    sent_at = moment(record.sent_at)
    shared = _text(record.context), _context(record.context)
    for index, event in events.indexed(record):
        text, context = (_text(event.context), _context(event.context)) if event.context is not UNSET else shared
        yield Row(
            EVENTS,
            {
                "event_id": events.event_id(record, index, event),
                "name": events.event_name(event),
                "type": event.type,
                "app": record.app,
                "user_id": event.user_id,
                "anonymous_id": event.anonymous_id,
                "session": _scalar(context.session_id),
                "occurred_at": occurred_at(event) or record.received_at,
                "received_at": record.received_at,
                "sent_at": sent_at,
                "country": record.country,
                "os": _member(context.os, "name"),
                "app_version": _member(context.app, "version"),
                "sdk": _sdk(context.library),
                "properties": _properties(event),
                "context": text,
                "batch_index": index,
            },
        )


def occurred_at(event: Event) -> datetime | None:
    """The client's clock as it reads, without correction (`sql/staging` corrects); None when nobody can read it."""
    return moment(event.timestamp) or moment(event.original_timestamp)


def moment(value: object) -> datetime | None:
    """An ISO 8601 text as UTC, taken for UTC when it names no zone; None for anything else.

    A number is not guessed at: seconds and milliseconds look alike.
    """
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value.strip())
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):  # the year 1 or 9999 in a zone may have no UTC
        return None


def _properties(event: Event) -> str | None:
    return _text(event.properties if event.properties is not UNSET else event.traits)


def _text(raw: Raw | UnsetType) -> str | None:
    return None if raw is UNSET else str(raw, "utf-8")


def _context(raw: Raw | UnsetType) -> _Context:
    if raw is UNSET:
        return _NO_CONTEXT
    try:
        return _context_decoder.decode(raw)
    except msgspec.ValidationError:  # JSON, but no object: it still stands in `context`
        return _NO_CONTEXT


def _member(value: Any, name: str) -> str | None:
    return _scalar(value.get(name)) if isinstance(value, dict) else None


def _scalar(value: object) -> str | None:
    """Text of a text or number; None for what has no short text."""
    match value:
        case bool() | None:
            return None
        case str() | int() | float():
            return str(value)
        case _:
            return None


def _sdk(library: object) -> str | None:
    name, version = _member(library, "name"), _member(library, "version")
    return f"{name}/{version}" if name and version else name
