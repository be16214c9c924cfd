"""A batch in which nothing is unusual, judged in one go: half a microsecond per event where `judging` takes four.

What passes here is what `judging` would take unchanged (a test compares the two); one event that is not so plain, and
the whole batch goes there.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from ingest.rules import limits
from ingest.rules.judging import ID_CHARS, PERSON_CHARS, PLAUSIBLE
from schemas.events import EventType

Name = Annotated[str, Meta(max_length=limits.NAME_CHARS)]
Person = Annotated[str, Meta(max_length=PERSON_CHARS)]


class AnObject(msgspec.Struct, frozen=True, gc=False):
    """Whatever its members: they are read over, not kept."""


class Plain(msgspec.Struct, frozen=True, gc=False, rename="camel", kw_only=True):
    """An event of which every member that we judge is of the type that everybody sends."""

    type: EventType
    message_id: Annotated[str, Meta(min_length=1, max_length=ID_CHARS)]
    event: Name | None = None
    name: Name | None = None
    user_id: Person | None = None
    anonymous_id: Person | None = None
    timestamp: datetime | None = None
    properties: AnObject | None = None
    traits: AnObject | None = None
    context: AnObject | None = None


class Plains(msgspec.Struct, frozen=True, gc=False):
    """The body, as far as it is judged here."""

    batch: list[Plain]


_batches = msgspec.json.Decoder(Plains)
_events = msgspec.json.Decoder(Plain)


def people(raws: Sequence[Raw], body: bytes, *, received_at: datetime, context_bytes: int) -> list[str] | None:
    """The key of every event when all of them are to be kept as they are; None when each must be judged."""
    if not _within_limits([bytes(raw) for raw in raws], body, limits.EVENT_BYTES - context_bytes):
        return None
    try:
        # a single-call form's event may differ from its body, which names no type
        events = [_events.decode(raws[0])] if len(raws) == 1 else _batches.decode(body).batch
    except msgspec.ValidationError:
        return None
    if len({event.message_id for event in events}) < len(events):
        return None
    return _keys(events, received_at - PLAUSIBLE, received_at + PLAUSIBLE)


def _within_limits(raws: list[bytes], body: bytes, max_bytes: int) -> bool:
    """The body is searched once for what is odd; only where it is, its events are."""
    odd = limits.odd(body)
    for raw in raws:
        if limits.large_or_deep(raw) or (odd and limits.odd(raw)):  # noqa: SIM102 # the second is slow
            if len(raw) > max_bytes or limits.fault(raw):
                return False
    return max_bytes > limits.LOOKS_LARGE


def _keys(events: list[Plain], earliest: datetime, latest: datetime) -> list[str] | None:
    keys = []
    for event in events:
        at, person = event.timestamp, event.user_id or event.anonymous_id
        if at is not None and (at.tzinfo is None or not earliest <= at <= latest):
            return None
        if not person or (event.type == "track" and not event.event) or not event.message_id.isprintable():
            return None
        keys.append(person)
    return keys
