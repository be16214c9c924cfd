"""GET /v1/trace/{id}: where an event is. For operators: it names records of anybody, and shows nothing inside them.

The id is an event's messageId, a fact's id, a batch's id or a position (`events.v1:3:1207`). It is looked for where
that is cheap: in the warehouse's last days, among the newest records of the log, and among the newest dead letters.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from api.asked import days
from api.log import Sighting
from api.routes import Asked, Room, Route
from schemas import events
from schemas.events import EventsRecord
from schemas.letters import SETTLED, Told
from schemas.problems import refusal
from schemas.projections import Processor
from schemas.topics import EVENTS, FACTS, Origin, Topic, parse_position

DEFAULT_DAYS = 8
MAX_DAYS = 90
AT_MOST = 20  # records; an id that clients use again and again may stand in many
READERS: Mapping[str, tuple[Processor, ...]] = {
    EVENTS.name: ("metrics", "warehouse"),
    FACTS.name: ("develop", "feeds", "views", "metrics", "warehouse"),
}
TOPICS: Mapping[str, Topic] = {topic.name: topic for topic in (EVENTS, FACTS)}

Verdict = Literal["done", "waiting", "dead"]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Why a processor could not do its part; `settled` once somebody retried or dropped it."""

    processor: str
    stage: str
    reason: str
    time: str
    settled: str | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A row in BigQuery: the event with this index in the client's batch, or the fact."""

    table: str
    id: str
    index: int
    accepted_at: datetime


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One record. `done`: the processor has committed it; `dead`: it wrote a dead letter; else it is `waiting`.

    `in_log` is null when it is known from the warehouse alone: the log keeps events for seven days.
    """

    position: str
    accepted_at: datetime | None
    in_log: bool
    verdicts: dict[str, Verdict]
    rows: tuple[Stored, ...]
    dead_letters: tuple[DeadLetter, ...]


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Every record that the id was found in, oldest position first."""

    id: str
    records: tuple[Found, ...]


async def trace(asked: Asked) -> Trace:
    """Where an event, fact, batch or position is: accepted, in the log, done by whom, in BigQuery or dead."""
    back = days(asked.parameters.get("days"), DEFAULT_DAYS, MAX_DAYS)
    since = asked.now - timedelta(days=back)
    room, id = asked.room, asked.target
    rows = await _rows(room, id, since)
    seen = await _seen(room, id)
    letters = await _letters(room, id, {*rows, *seen})
    origins = sorted({*rows, *seen, *letters})[:AT_MOST]
    if not origins:
        raise refusal("not_found", "nothing of that id among the last days' rows, the newest records and dead letters")
    told = [await _told(room, origin, rows.get(origin, []), letters.get(origin, []), seen) for origin in origins]
    return Trace(id=id, records=tuple(told))


async def _rows(room: Room, id: str, since: datetime) -> dict[Origin, list[Stored]]:
    """The warehouse's rows by record."""
    found: dict[Origin, list[Stored]] = {}
    position = _position(id)
    for row in await (room.warehouse.at(position, since) if position else room.warehouse.named(id, since)):
        origin = Origin(row["topic"], row["kafka_partition"], row["kafka_offset"])
        stored = Stored(table=row["source"], id=row["id"], index=row["place"], accepted_at=row["accepted_at"])
        found.setdefault(origin, []).append(stored)
    return found


async def _seen(room: Room, id: str) -> dict[Origin, Sighting]:
    """Records of the log that hold the id: what stands at a position, else of the newest ones."""
    position = _position(id)
    if position is not None:
        found = await room.log.record(position)
        return {position: found} if found else {}
    tails = await asyncio.gather(*(room.log.tail(topic, _bytes(id)) for topic in TOPICS.values()))
    return {each.origin: each for tail in tails for each in tail if id in (_ids(each) or ())}


async def _letters(room: Room, id: str, origins: Iterable[Origin]) -> dict[Origin, list[Told]]:
    """Dead letters of these records, and of records that hold the id and stand nowhere else."""
    known, position = set(origins), _position(id)

    def about(told: Told, value: bytes) -> bool:
        return told.origin in known or told.origin == position or (position is None and _bytes(id) in value)

    found: dict[Origin, list[Told]] = {}
    for told, letter in await room.log.letters(about):
        ids = _ids(Sighting(told.origin, letter.key, letter.value, ()))
        if told.origin in known or told.origin == position or ids is None or id in ids:
            found.setdefault(told.origin, []).append(told)
    return found


async def _told(
    room: Room, origin: Origin, rows: list[Stored], letters: list[Told], seen: Mapping[Origin, Sighting]
) -> Found:
    readers = READERS[origin.topic]
    record = seen.get(origin) or await room.log.record(origin)
    committed = await room.log.committed(readers, origin)
    dead = tuple(_dead(letters))
    buried = {letter.processor for letter in dead}
    verdicts: dict[str, Verdict] = {
        name: "dead" if name in buried else "done" if committed[name] or (name == "warehouse" and rows) else "waiting"
        for name in readers
    }
    accepted = rows[0].accepted_at if rows else _accepted(record)
    return Found(
        position=str(origin),
        accepted_at=accepted,
        in_log=record is not None,
        verdicts=verdicts,
        rows=tuple(rows[:AT_MOST]),
        dead_letters=dead,
    )


def _dead(letters: list[Told]) -> Iterator[DeadLetter]:
    """One for each processor: a letter has copies, and another one may say what became of it."""
    settled = {told.processor: told.stage for told in letters if told.stage in SETTLED}
    once = {told.processor: told for told in letters if told.stage not in SETTLED}
    for name, told in once.items():
        yield DeadLetter(
            processor=name, stage=told.stage, reason=told.reason, time=told.time, settled=settled.get(name)
        )


def _bytes(id: str) -> bytes:
    """As it stands in JSON, without the quotes."""
    return msgspec.json.encode(id)[1:-1]


def _ids(record: Sighting) -> set[str] | None:
    """The ids in a record: of the batch and of its events, or of the fact. None when it cannot be read."""
    value = _value(record)
    if isinstance(value, EventsRecord):
        return {value.batch_id, *(events.event_id(value, index, event) for index, event in events.indexed(value))}
    return None if value is None else {str(value.id)}


def _value(record: Sighting) -> Any:
    """What the record says; None when it cannot be read."""
    try:
        value = TOPICS[record.origin.topic].decode(record.key, record.value)
        return value if not isinstance(value, EventsRecord) or events.indexed(value) else None
    except (msgspec.MsgspecError, ValueError, KeyError):
        return None


def _position(id: str) -> Origin | None:
    """The id as a place in one of the two topics."""
    found = parse_position(id)
    return found if found and found.topic in TOPICS else None


def _accepted(record: Sighting | None) -> datetime | None:
    value = _value(record) if record else None
    if value is None:
        return None
    accepted: datetime = value.received_at if isinstance(value, EventsRecord) else value.at
    return accepted


ROUTES = (
    Route(path="/v1/trace/{trace}", answer=trace, gives=Trace, policy="operator", target="trace", parameters=("days",)),
)
