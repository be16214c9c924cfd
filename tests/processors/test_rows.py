from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.rules.rows import moment, rows
from schemas import events, facts
from schemas.events import EventFlags, EventsRecord
from schemas.warehouse import EVENTS, FACTS
from tests.builders import NOON, a_roll, a_track, a_user, an_events_record, photo_captured, roll_joined, user_registered

EXAMPLE = Path("schemas/examples/events-record.json")


def only(record: EventsRecord) -> dict[str, object]:
    """The one row of a batch of one event."""
    (row,) = rows(record)
    return dict(row.values)


def a_row(**members: object) -> dict[str, object]:
    return only(an_events_record([{**a_track(), **members}]))


def test_a_fact_becomes_one_row_with_the_whole_fact_as_json() -> None:
    fact = photo_captured(by=a_user("ana"), caption="sea")

    (row,) = rows(fact)

    assert row.table == FACTS
    assert row.values["type"] == "PhotoCaptured"
    assert row.values["aggregate"] == fact.photo
    assert row.values["user_id"] == a_user("ana")
    assert row.values["accepted_at"] == NOON
    assert facts.decode(str(row.values["payload"]).encode()) == fact


@pytest.mark.parametrize("fact", [user_registered(), photo_captured(), roll_joined(a_user(), a_roll())])
def test_a_row_has_exactly_the_columns_of_its_table(fact: facts.Fact) -> None:
    position = {"kafka_partition", "kafka_offset"}

    for row in (*rows(fact), *rows(an_events_record())):
        assert {*row.values, *position} == {column.name for column in row.table.columns}


def test_the_example_batch_becomes_the_rows_its_client_meant() -> None:
    first, second = rows(events.decode(EXAMPLE.read_bytes()))

    assert first.table == EVENTS
    assert first.values["name"] == "Photo Taken"
    assert first.values["occurred_at"] == datetime(2026, 11, 21, 18, 29, 58, tzinfo=UTC)
    assert (first.values["os"], first.values["app_version"]) == ("iOS", "1.4.0")
    assert first.values["sdk"] == "analytics-swift/1.5.3"
    assert msgspec.json.decode(str(first.values["properties"])) == {"film": "darkroom-400"}
    assert second.values["name"] == "Roll"
    assert second.values["event_id"] == "0f0cbf5c-6f3e-5d1c-9d2b-0a4a6d1f3c77"
    assert second.values["batch_index"] == 3
    assert msgspec.json.decode(str(second.values["context"])) == {"locale": "pt-PT"}


def test_an_event_without_a_readable_time_happened_when_we_received_it() -> None:
    for time in ("yesterday", None, 1700000000, "", ["x"], "2026-13-01", "0001-01-01T00:00:00+14:00"):
        assert a_row(timestamp=time)["occurred_at"] == NOON


def test_an_event_with_an_original_time_only_happened_then() -> None:
    assert a_row(originalTimestamp="2026-11-20T10:00:00Z")["occurred_at"] == NOON - timedelta(hours=26)


def test_a_client_clock_that_is_years_off_is_kept_as_it_reads() -> None:
    assert a_row(timestamp="1970-01-01T00:00:00Z")["occurred_at"] == datetime(1970, 1, 1, tzinfo=UTC)
    assert a_row(timestamp="9999-12-31T23:59:59Z")["occurred_at"] == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-21T12:00:00Z", "2026-11-21T13:00:00+01:00", "2026-11-21 12:00:00.000000000Z", "20261121T120000"]
)
def test_the_usual_spellings_of_a_moment_are_one_moment(text: str) -> None:
    assert moment(text) == NOON


@given(st.text() | st.none() | st.integers() | st.lists(st.text()))
def test_whatever_a_client_calls_a_time_costs_no_event(time: object) -> None:
    assert isinstance(a_row(timestamp=time)["occurred_at"], datetime)


def test_traits_stand_for_the_properties_of_identify() -> None:
    row = only(an_events_record([{"type": "identify", "userId": "ana", "traits": {"plan": "free"}}]))

    assert (row["name"], row["properties"]) == ("identify", '{"plan":"free"}')


def test_an_events_own_context_replaces_that_of_the_batch() -> None:
    own = {"os": {"name": "Android"}}
    batch = an_events_record([a_track(context=own), a_track()])
    batch = msgspec.structs.replace(batch, context=msgspec.Raw(b'{"os":{"name":"iOS"},"sessionId":1700}'))

    first, second = (row.values for row in rows(batch))

    assert (first["os"], first["session"]) == ("Android", None)
    assert (second["os"], second["session"]) == ("iOS", "1700")


@pytest.mark.parametrize(
    "context", [{"os": "iOS", "app": None, "library": []}, [], "text", 7, {"os": {"name": {"deep": 1}}}]
)
def test_a_context_of_an_unexpected_shape_leaves_its_columns_empty(context: object) -> None:
    row = a_row(context=context)

    assert (row["os"], row["app_version"], row["sdk"], row["session"]) == (None, None, None, None)
    assert msgspec.json.decode(str(row["context"])) == context


def test_an_id_that_the_collector_made_stands_for_the_missing_one() -> None:
    record = an_events_record([{"type": "track", "event": "x"}])

    assert only(msgspec.structs.replace(record, flags={0: EventFlags(message_id="made")}))["event_id"] == "made"


def test_the_same_batch_gives_the_same_rows() -> None:
    record = an_events_record([a_track("a"), a_track("b")])

    assert list(rows(record)) == list(rows(events.decode(events.encode(record))))
