"""A client's batch: bytes in; records for the log and one result per event out. Pure.

One bad event never costs its neighbours; what makes the body itself unreadable fails the whole of it.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ingest.rules import honest, limits, records
from ingest.rules.judging import Rejected, ResultCode, Taken, judge
from ingest.rules.records import Kept, Record
from schemas.events import EventFlags, EventsRecord, EventType
from schemas.problems import PROBLEMS, Code, Fault, Refused

SENT_AT_CHARS = 100

Outcome = Literal["accepted", "adjusted", "duplicate", "rejected"]

_MADE_IDS = UUID("2b8a5a39-47c4-5f1e-a34b-3f2a3b0f4c11")  # namespace of ids we make for events; never changes
_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
_NO_NUMBER = re.compile(rb"\b(?:NaN|Infinity)\b")


class Apart(msgspec.Struct, frozen=True, rename="camel"):
    """The body as far as the collector must understand it."""

    batch: list[Raw]
    sent_at: Raw | UnsetType = UNSET
    context: Raw | UnsetType = UNSET
    write_key: Raw | UnsetType = UNSET


class Single(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a single-call form (`/v1/track`, ...): one event that may carry the envelope's members."""

    type: Raw | UnsetType = UNSET
    sent_at: Raw | UnsetType = UNSET
    write_key: Raw | UnsetType = UNSET


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of the event at `index`."""

    index: int
    result: Outcome
    id: str | None = None
    code: ResultCode | None = None


Envelope = Apart | honest.Batch


class Accepted(msgspec.Struct, frozen=True):
    """What goes to the log, and what the client is told: `results` of every event, or of none when all were plain."""

    records: tuple[Record, ...]
    results: tuple[Result, ...]


_envelopes = msgspec.json.Decoder(Apart)
_singles = msgspec.json.Decoder(Single)
_arrays = msgspec.json.Decoder(list[Raw])


def envelope(body: bytes) -> Envelope | Refused:
    """The batch in `body`, its events still as they came unless they are all plain; or why the body cannot be read."""
    return honest.read(body) or careful(body)


def careful(body: bytes) -> Apart | Refused:
    """The same of any body; its events are judged one by one."""
    found: Apart | Refused = _decoded(_envelopes, body)
    if isinstance(found, Refused):
        return found
    if not found.batch:
        return Refused("empty_batch", "batch holds no event; expected 1..500")
    if len(found.batch) > limits.EVENTS:
        detail = f"batch holds {len(found.batch)} events; expected 1..{limits.EVENTS}"
        return Refused("batch_too_large", detail, limit=limits.EVENTS)
    if found.context is not UNSET and bytes(found.context)[:1] not in (b"{", b"n"):
        return Refused("type_error", "context is not an object", (Fault("/context", "type_error"),))
    return found


def single(body: bytes, kind: EventType) -> Envelope | Refused:
    """The one event of a single-call form as a batch; its `type` may be left to the path."""
    found: Single | Refused = _decoded(_singles, body)
    if isinstance(found, Refused):
        return found
    if found.type is not UNSET and bytes(found.type) != f'"{kind}"'.encode():
        return Refused("unknown_event", f"type is not that of the path, {kind}", (Fault("/type", "unknown_event"),))
    event = body.strip()
    if found.type is UNSET:
        separator = b"," if event[1:].lstrip()[:1] != b"}" else b""
        event = f'{{"type":"{kind}"'.encode() + separator + event[1:].lstrip()
    if plain := honest.read(b'{"batch":[' + event + b"]}"):
        return msgspec.structs.replace(plain, sent_at=found.sent_at, write_key=found.write_key)
    return Apart([Raw(event)], found.sent_at, UNSET, found.write_key)


def _decoded(decoder: "msgspec.json.Decoder[Any]", body: bytes) -> Any:
    try:
        body.decode()
        return decoder.decode(body)
    except UnicodeDecodeError:
        return Refused("invalid_utf8", "the body is not UTF-8")
    except RecursionError:
        return Refused("too_deep", "the body is nested too deeply")
    except msgspec.ValidationError as error:
        return _misshapen(str(error))
    except msgspec.DecodeError:
        return _malformed(body)


def _misshapen(message: str) -> Refused:
    if "$.batch`" in message or "field `batch`" in message:
        return Refused("not_an_array", "batch is not an array", (Fault("/batch", "not_an_array"),))
    return Refused("not_an_object", "the body is not an object")


def _malformed(body: bytes) -> Refused:
    """Grammar's own name for the fault is "malformed"; two frequent ones have better names."""
    if not body.strip():
        return Refused("empty_body", "the body is empty")
    if _NO_NUMBER.search(limits.without_strings(body)):
        return Refused("not_finite", "the body holds NaN or Infinity")
    if _HALF_CHARACTER.search(body):
        return Refused("invalid_unicode", "the body holds half a surrogate pair")
    return Refused("malformed_json", "the body is not JSON")


def text(raw: Raw | UnsetType, max_chars: int = SENT_AT_CHARS) -> str | None:
    """The short string in `raw`; None when there is none or it is something else."""
    if raw is UNSET or bytes(raw)[:1] != b'"':
        return None
    found: str = msgspec.json.decode(raw, type=str)
    return found if len(found) <= max_chars else None


def accept(
    found: Envelope,
    body: bytes,
    *,
    app: str,
    batch_id: str,
    received_at: datetime,
    country: str | None = None,
    told_all: bool = True,
) -> Accepted:
    """Every event judged; those kept, grouped into one record per person, in the client's order.

    Unless `told_all`, a batch whose events are all accepted as they came has no results: nobody would read them.
    """
    blank = EventsRecord(
        app=app, batch_id=batch_id, received_at=received_at, key="", events=(), country=country,
        sent_at=text(found.sent_at), context=found.context,
    )  # fmt: skip
    if isinstance(found, honest.Batch) and (kept := _kept_whole(found, blank)):
        shown = found.batch if told_all else ()
        return Accepted(kept, tuple(Result(index, "accepted", id) for index, id in enumerate(shown)))
    raws = found.batch if isinstance(found, Apart) else _apart(found.array)
    one_by_one, results = _judged(raws, body, app, received_at, records.size(found.context))
    return Accepted(tuple(records.of(one_by_one, blank)), tuple(results))


def _kept_whole(found: honest.Batch, blank: EventsRecord) -> tuple[Record, ...] | None:
    """The records when every event is to be kept as it is, else None."""
    keys = found.keys
    if not found.plausible(blank.received_at):
        return None
    if len(set(keys)) == 1 and (record := records.of_one(keys[0], found.array, len(keys), blank)):
        return (record,)
    raws = _apart(found.array)
    if max(map(records.size, raws)) + records.size(blank.context) > limits.EVENT_BYTES:
        return None
    return tuple(records.of(map(Kept, range(len(keys)), raws, keys), blank))


def _apart(array: Raw) -> list[Raw]:
    return _arrays.decode(b"[" + bytes(array) + b"]")


def _judged(
    batch: list[Raw], body: bytes, app: str, received_at: datetime, context_bytes: int
) -> tuple[list[Kept], list[Result]]:
    """One by one: what is kept, and what became of each."""
    kept: list[Kept] = []
    results: list[Result] = []
    seen: dict[str, bytes] = {}
    for index, raw in enumerate(batch):
        judged = judge(bytes(raw), received_at=received_at, context_bytes=context_bytes)
        result = _result(index, bytes(raw), judged, seen)
        if isinstance(judged, Taken) and result.result in ("accepted", "adjusted"):
            made = None if judged.message_id else made_id(app, body, index)
            result = msgspec.structs.replace(result, id=made) if made else result
            flags = EventFlags(made, judged.flags) if judged.flags else None
            kept.append(Kept(index, raw, judged.key, flags))
        results.append(result)
    return kept, results


def _result(index: int, raw: bytes, judged: Taken | Rejected, seen: dict[str, bytes]) -> Result:
    """The event's result; remembers its id, because a second copy in the same batch is a duplicate or a conflict."""
    id = judged.message_id
    if isinstance(judged, Rejected):
        return Result(index, "rejected", id, judged.code)
    if id and (first := seen.setdefault(id, raw)) is not raw:
        return Result(index, "duplicate", id) if first == raw else Result(index, "rejected", id, "id_conflict")
    return Result(index, "adjusted" if judged.code else "accepted", id, judged.code)


def made_id(app: str, body: bytes, index: int) -> str:
    """The id of an event that came without one: a retry of the same body makes the same."""
    return str(uuid5(_MADE_IDS, f"{app}\n{sha256(body).hexdigest()}\n{index}"))


def refused(results: Iterable[Result]) -> Refused:
    """The answer to a batch of which nothing is accepted: the events' common status, else 422."""
    codes: list[tuple[int, Code]] = [(r.index, r.code) for r in results if r.code and r.code != "bad_timestamp"]
    statuses = {PROBLEMS[code][0] for _, code in codes}
    code = codes[0][1] if len(statuses) == 1 else "type_error"
    faults = tuple(Fault(f"/batch/{index}", code) for index, code in codes)
    limit = limits.EVENT_BYTES if code == "event_too_large" else None
    return Refused(code, f"none of {len(codes)} events is acceptable", faults, limit=limit)
