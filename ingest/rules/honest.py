"""A batch in which nothing is unusual, read and judged in one go: one microsecond per event where `judging` takes six.

What passes here is what `judging` would take unchanged (a test compares the two); one event that is not so plain, and
the whole batch goes there.
"""

import re
from datetime import datetime
from typing import Annotated, Generic

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from ingest.rules import limits
from ingest.rules.judging import ID_CHARS, PERSON_CHARS, PLAUSIBLE
from ingest.rules.limits import Members, N, Name, Value
from schemas.events import EventType

Id = Annotated[str, Meta(min_length=1, max_length=ID_CHARS)]
Person = Annotated[str, Meta(max_length=PERSON_CHARS)]
Instant = Annotated[datetime, Meta(tz=True)]
Object = Members[N, Value[N]] | None


class Plain(
    msgspec.Struct, Generic[N], frozen=True, gc=False, rename="camel", kw_only=True, forbid_unknown_fields=True
):
    """An event of which every member is one that the SDKs send, of the type that everybody sends, within the limits."""

    type: EventType
    message_id: Id
    event: Name | None = None
    name: Name | None = None
    user_id: Person | None = None
    anonymous_id: Person | None = None
    timestamp: Instant | None = None
    properties: Object[N] = None
    traits: Object[N] = None
    context: Object[N] = None
    integrations: Value[N] = None
    original_timestamp: Value[N] = None
    sent_at: Value[N] = None
    received_at: Value[N] = None
    group_id: Value[N] = None
    previous_id: Value[N] = None
    category: Value[N] = None
    channel: Value[N] = None
    version: Value[N] = None
    options: Value[N] = None
    write_key: Value[N] = None
    metadata: Value[N] = msgspec.field(default=None, name="_metadata")


class Rest(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What the body says besides, behind its batch; not another batch."""

    sent_at: Raw | UnsetType = UNSET
    context: Raw | UnsetType = UNSET
    write_key: Raw | UnsetType = UNSET
    batch: Raw | UnsetType = UNSET


class Batch(msgspec.Struct, frozen=True):
    """A body whose events are all plain. `batch` are their ids, `keys` their people, `array` their text as it came.

    The events themselves are not kept: while 32 requests wait for Kafka, theirs would fill 10 MB, and the caches.
    """

    batch: list[str]
    keys: list[str]
    span: tuple[datetime, datetime] | None  # of their timestamps, when there are any
    array: Raw
    sent_at: Raw | UnsetType = UNSET
    context: Raw | UnsetType = UNSET
    write_key: Raw | UnsetType = UNSET

    def plausible(self, received_at: datetime) -> bool:
        """Whether no clock is years off."""
        if self.span is None:
            return True
        earliest, latest = self.span
        return received_at - PLAUSIBLE <= earliest and latest <= received_at + PLAUSIBLE


_HEAD = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"batch"[ \t\r\n]*:[ \t\r\n]*(?=\[)')
_PRINTABLE = bytes(range(0x20, 0x7F))  # of ASCII
_SIZE = Meta(min_length=1, max_length=limits.EVENTS)
_events = msgspec.json.Decoder(Annotated[list[Plain[str]], _SIZE])
_named = msgspec.json.Decoder(Annotated[list[Plain[Name]], _SIZE])  # names are checked, too
_rests = msgspec.json.Decoder(Rest)


def read(body: bytes) -> Batch | None:
    """The batch in `body`, or None when it must be read with more care.

    The SDKs write the batch first, and no array behind it: so the body falls into two parts that are read by
    themselves, and need not be read twice to know where the events stand.
    """
    head, end = _HEAD.match(body), body.rfind(b"]") + 1
    if head is None or limits.may_hold_nul(body):
        return None
    array = memoryview(body)[head.end() : end]  # not copied: while Kafka is waited for, large bodies are most of memory
    try:
        body.decode()
        events = (_events if limits.short_names(body) else _named).decode(array)
        rest = _rests.decode(b'{"":0' + body[end:])  # so that a comma must follow, or the end
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if rest.batch is not UNSET or (rest.context is not UNSET and bytes(rest.context)[:1] != b"{"):
        return None
    ids, keys = [event.message_id for event in events], _people(events)
    if keys is None or len(set(ids)) < len(ids) or not _printable("".join(ids)):
        return None
    times = [event.timestamp for event in events if event.timestamp is not None]
    span = (min(times), max(times)) if times else None
    return Batch(ids, keys, span, Raw(array[1:-1]), rest.sent_at, rest.context, rest.write_key)


def _people(events: list[Plain[str]]) -> list[str] | None:
    """The key of every event; None when one has none, or no name where it must have one."""
    keys = []
    for event in events:
        person = event.user_id or event.anonymous_id
        if not person or (not event.event and event.type == "track"):
            return None
        keys.append(person)
    return keys


def _printable(text: str) -> bool:
    """As `str.isprintable`, which looks every character up."""
    return not text.encode().translate(None, _PRINTABLE) or text.isprintable()
