"""Where an event is, by doors that remember. The real ones are in `tests/journey/test_trace_journey.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from api.log import Log, Sighting, open_log
from api.warehouse import Warehouse
from schemas import events, facts
from schemas.letters import Told
from schemas.settings import Settings
from schemas.topics import EVENTS, FACTS, Origin, Topic
from tests.api.world import NOON, World
from tests.builders import a_track, an_events_record, an_origin, user_registered

RECORD = an_events_record([a_track("opened"), a_track("closed")])
FACT = user_registered()
EVENT_AT, FACT_AT = an_origin(17, 3, EVENTS), an_origin(4, 1, FACTS)


@dataclass
class Everywhere:
    """Twin of both doors: the log's records, letters and commits, and the warehouse's rows."""

    records: dict[Origin, bytes] = field(default_factory=dict)
    dead: list[tuple[Told, bytes]] = field(default_factory=list)
    done: frozenset[str] = frozenset()
    rows: list[dict[str, Any]] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)

    async def tail(self, topic: Topic, holding: bytes) -> list[Sighting]:
        return [_seen(o, v) for o, v in self.records.items() if o.topic == topic.name and holding in v]

    async def record(self, origin: Origin) -> Sighting | None:
        return _seen(origin, self.records[origin]) if origin in self.records else None

    async def letters(self, about: Callable[[Told, bytes], bool]) -> list[tuple[Told, Sighting]]:
        return [(told, _seen(told.origin, value)) for told, value in self.dead if about(told, value)]

    async def committed(self, groups: Sequence[str], origin: Origin) -> dict[str, bool]:
        return {group: group in self.done for group in groups}

    async def named(self, id: str, since: datetime) -> list[dict[str, Any]]:
        self.since.append(since)
        return [row for row in self.rows if row["id"] == id]

    async def at(self, origin: Origin, since: datetime) -> list[dict[str, Any]]:
        assert origin.topic in (EVENTS.name, FACTS.name), "secrets are nobody's to look up"
        at = (origin.partition, origin.offset)
        return [row for row in self.rows if (row["kafka_partition"], row["kafka_offset"]) == at]


def _seen(origin: Origin, value: bytes) -> Sighting:
    return Sighting(origin, b"k", value, ())


def a_row(id: str, place: int) -> dict[str, Any]:
    return {
        "topic": "events.v1", "source": "raw.events_v1", "id": id, "kafka_partition": 3, "kafka_offset": 17,
        "place": place, "accepted_at": NOON,
    }  # fmt: skip


def a_letter(origin: Origin, processor: str, stage: str = "rule") -> Told:
    return Told("KeyError: 'film'", stage, origin, 1, NOON.isoformat(), processor)


@pytest.fixture
def places() -> Everywhere:
    return Everywhere({EVENT_AT: events.encode(RECORD), FACT_AT: facts.encode(FACT)}, done=frozenset({"metrics"}))


async def ask(world: World, places: Everywhere, id: str, query: str = "") -> Any:
    ana = await world.person("ana")
    room = replace(world.room, warehouse=places, log=places, operators=frozenset({ana}))  # type: ignore[arg-type]  # the twin has all that is used
    return (await world.through(room).get(f"/v1/trace/{id}{query}", ana)).json()


async def test_an_event_is_followed_from_the_log_to_its_row(world: World, places: Everywhere) -> None:
    places.rows = [a_row("m-opened", 0), a_row("m-closed", 1)]

    told = await ask(world, places, "m-closed")

    assert told == {
        "id": "m-closed",
        "records": [
            {
                "position": "events.v1:3:17",
                "accepted_at": "2026-11-21T12:00:00Z",
                "in_log": True,
                "verdicts": {"metrics": "done", "warehouse": "done"},
                "rows": [
                    {"table": "raw.events_v1", "id": "m-closed", "index": 1, "accepted_at": "2026-11-21T12:00:00Z"}
                ],
                "dead_letters": [],
            }
        ],
    }


async def test_an_event_that_was_just_accepted_is_waiting_for_its_row(world: World, places: Everywhere) -> None:
    (found,) = (await ask(world, places, "m-opened"))["records"]

    assert (found["position"], found["accepted_at"]) == ("events.v1:3:17", "2026-11-21T12:00:00Z")
    assert found["verdicts"] == {"metrics": "done", "warehouse": "waiting"}
    assert found["rows"] == []


async def test_a_batch_and_a_fact_and_a_position_are_found(world: World, places: Everywhere) -> None:
    for id, position in (
        (RECORD.batch_id, EVENT_AT), (str(FACT.id), FACT_AT), ("events.v1:3:17", EVENT_AT), ("facts.v1:1:4", FACT_AT),
    ):  # fmt: skip
        (found,) = (await ask(world, places, id))["records"]

        assert found["position"] == str(position)


async def test_every_processor_of_a_fact_gives_its_verdict(world: World, places: Everywhere) -> None:
    places.dead = [(a_letter(FACT_AT, "views"), facts.encode(FACT)), (a_letter(FACT_AT, "views"), facts.encode(FACT))]
    places.done |= {"views", "feeds"}

    (found,) = (await ask(world, places, str(FACT.id)))["records"]

    assert found["verdicts"] == {
        "develop": "waiting", "feeds": "done", "views": "dead", "metrics": "done", "warehouse": "waiting",
    }  # fmt: skip
    (letter,) = found["dead_letters"]
    assert (letter["processor"], letter["reason"], letter["settled"]) == ("views", "KeyError: 'film'", None)


async def test_a_letter_that_was_settled_says_so(world: World, places: Everywhere) -> None:
    places.dead = [(a_letter(FACT_AT, "views"), facts.encode(FACT)), (a_letter(FACT_AT, "views", "retried"), b"")]

    (found,) = (await ask(world, places, str(FACT.id)))["records"]

    assert [letter["settled"] for letter in found["dead_letters"]] == ["retried"]


async def test_what_the_log_has_forgotten_is_found_in_the_dead_letters(world: World, places: Everywhere) -> None:
    places.records = {}
    gone = an_origin(2, 5, EVENTS)
    places.dead = [(a_letter(gone, "warehouse", "decode"), b'{"events":[{"messageId":"m-bad"')]

    (found,) = (await ask(world, places, "m-bad"))["records"]

    assert (found["position"], found["in_log"], found["accepted_at"]) == ("events.v1:5:2", False, None)
    assert found["verdicts"]["warehouse"] == "dead"


@pytest.mark.parametrize("id", ["nobody-knows-it", "events.v1:3:18", "credentials.v1:0:0", "m-open", "opened"])
async def test_an_unknown_id_is_not_found(world: World, places: Everywhere, id: str) -> None:
    assert (await ask(world, places, id))["code"] == "not_found"


async def test_an_id_that_nobody_could_read_is_refused(world: World, places: Everywhere) -> None:
    assert (await ask(world, places, "x" * 201))["code"] == "bad_id"
    assert (await ask(world, places, "a%01b"))["code"] == "bad_id"


async def test_it_goes_back_as_many_days_as_asked(world: World, places: Everywhere) -> None:
    await ask(world, places, "m-opened")
    await ask(world, places, "m-opened", "?days=90")

    assert [(NOON - since).days for since in places.since] == [8, 90]
    assert (await ask(world, places, "m-opened", "?days=91"))["code"] == "bad_value"


async def test_only_operators_are_told(world: World) -> None:
    bob = await world.person("bob")

    answer = await world.get("/v1/trace/m-opened", bob)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_log_that_is_away_is_a_503(world: World, places: Everywhere) -> None:
    away = open_log(Settings(kafka_brokers="127.0.0.1:9"))
    ana = await world.person("ana")
    warehouse: Any = places
    room = replace(world.room, warehouse=warehouse, log=away, operators=frozenset({ana}))

    answer = await world.through(room).get("/v1/trace/m-opened", ana)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    away.close()


def test_the_twin_has_what_the_doors_have() -> None:
    for door, names in ((Log, ("tail", "record", "letters", "committed")), (Warehouse, ("named", "at"))):
        assert all(callable(getattr(door, name)) and hasattr(Everywhere, name) for name in names)
