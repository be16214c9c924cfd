"""One analytics event: taken or not, and why.

It is read with the very struct its readers use (`schemas.events.Event`), so nothing accepted here is unreadable there.
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ingest.rules import limits
from schemas.events import Event, Flag
from schemas.problems import Code

ResultCode = Code | Literal["bad_timestamp"]

ID_CHARS = 100  # of a messageId
PERSON_CHARS = 200  # of a userId or anonymousId
PLAUSIBLE = timedelta(days=3650)  # a phone's clock ten years off is kept, and said to be so

_decoder = msgspec.json.Decoder(Event)


class Taken(msgspec.Struct, frozen=True):
    """An event that will be stored. `message_id` is None when the client gave none; `code` when it was adjusted."""

    key: str
    message_id: str | None
    flags: tuple[Flag, ...] = ()
    code: ResultCode | None = None


class Rejected(msgspec.Struct, frozen=True):
    """An event that will not be stored."""

    code: Code
    message_id: str | None = None


def judge(raw: bytes, *, received_at: datetime, context_bytes: int = 0) -> Taken | Rejected:
    """What becomes of one event of a batch; its neighbours are not touched."""
    if raw[:1] != b"{":
        return Rejected("not_an_object")
    if len(raw) + context_bytes > limits.EVENT_BYTES:
        return Rejected("event_too_large")
    if limits.suspicious(raw) and (code := limits.fault(raw)):
        return Rejected(code)
    try:
        event = _decoder.decode(raw)
    except msgspec.ValidationError as error:
        return Rejected(_meaning(str(error)))
    return _judged(event, received_at)


def _meaning(message: str) -> Code:
    """The code for a member of the wrong type; msgspec tells a wrong `type` only in its text (a test pins it)."""
    return "unknown_event" if message.startswith("Invalid enum value") else "type_error"


def _judged(event: Event, received_at: datetime) -> Taken | Rejected:
    message_id = event.message_id or None
    if message_id and not (len(message_id) <= ID_CHARS and message_id.isprintable()):
        return Rejected("bad_id")
    if code := _member_fault(event):
        return Rejected(code, message_id)
    flags, time_code = _time(event.timestamp, received_at)
    made: tuple[Flag, ...] = () if message_id else ("id_made",)
    return Taken(event.user_id or event.anonymous_id or "", message_id, made + flags, time_code)


def _member_fault(event: Event) -> Code | None:
    person = event.user_id or event.anonymous_id
    if not person or not all(_is_object(found) for found in (event.properties, event.traits, event.context)):
        return "type_error"
    if len(person) > PERSON_CHARS:
        return "string_too_long"
    if event.type == "track" and not event.event:
        return "type_error"
    return "bad_name" if len(event.event or event.name or "") > limits.NAME_CHARS else None


def _is_object(found: Raw | UnsetType) -> bool:
    return found is UNSET or bytes(found)[:1] in (b"{", b"n")


def _time(given: object, received_at: datetime) -> tuple[tuple[Flag, ...], ResultCode | None]:
    """What is said of the event's time; the text itself is kept as it came, corrections are the warehouse's."""
    if given is None:
        return (), None
    try:
        read = msgspec.convert(given, datetime)
    except msgspec.ValidationError:
        return ("time_unreadable",), "bad_timestamp"
    if read.tzinfo is None:
        return (), "bad_timestamp"  # read as UTC
    implausible = abs(read - received_at) > PLAUSIBLE
    return (("time_implausible",), "bad_timestamp") if implausible else ((), None)
