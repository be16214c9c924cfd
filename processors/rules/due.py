"""What BigQuery must hold of what stands in the log: which rows, of which hour, with which ids."""

from datetime import UTC, datetime

from processors.rules.ledger import Due
from schemas import events
from schemas.events import EventsRecord
from schemas.facts import Fact


def due(value: Fact | EventsRecord) -> Due:
    """The rows of a record, in the hour in which it was accepted."""
    hour = _accepted(value).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return Due(hour, tuple(ids(value)))


def ids(value: Fact | EventsRecord) -> dict[int, str]:
    """Event or fact id by place."""
    if isinstance(value, EventsRecord):
        return {index: events.event_id(value, index, event) for index, event in events.indexed(value)}
    return {0: str(value.id)}


def _accepted(value: Fact | EventsRecord) -> datetime:
    return value.received_at if isinstance(value, EventsRecord) else value.at
