from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.rules.batch import Accepted, Envelope, Result, accept, envelope, made_id, refused, single
from ingest.rules.records import MAX_ROWS_BYTES
from schemas import events
from schemas.events import EventFlags, EventsRecord
from schemas.problems import Refused
from schemas.topics import MAX_RECORD_BYTES
from tests.builders import NOON, a_track


def accepted(*sent: object, **members: object) -> Accepted:
    body = msgspec.json.encode({"batch": sent, **members})
    return accept(read(body), body, app="app", batch_id="b", received_at=NOON)


def read(body: bytes) -> Envelope:
    found = envelope(body)
    assert not isinstance(found, Refused), found
    return found


def records(found: Accepted) -> list[EventsRecord]:
    read = [events.decode(record.value) for record in found.records]
    assert [(record.app, record.key, record.events) for record in found.records] == [
        (record.app, record.key, len(record.events)) for record in read
    ]
    return read


def refusal(body: bytes) -> str:
    found = envelope(body)
    assert isinstance(found, Refused), found
    return found.code


def test_a_batch_of_one_person_is_one_record_of_bytes_as_they_came() -> None:
    body = b'{"batch":[ {"type":"track", "event":"A","userId":"ana","messageId":"1" ,"properties":{"a":1,"a":2}} ]}'

    [record] = records(accept(read(body), body, app="app", batch_id="b", received_at=NOON))

    assert [bytes(raw) for raw in record.events] == [body[11:-3]]
    assert (record.key, record.app, record.indexes, record.flags) == ("ana", "app", (), {})


def test_people_are_grouped_and_keep_their_places() -> None:
    found = accepted(*(a_track(userId=user, messageId=f"{n}") for n, user in enumerate("abab")))

    assert [(record.key, record.indexes) for record in records(found)] == [("a", (0, 2)), ("b", (1, 3))]


def test_one_bad_event_costs_its_neighbours_nothing() -> None:
    found = accepted(1, a_track("A"), a_track("B", userId=None), a_track("C", type="x"))

    assert [record.indexes for record in records(found)] == [(1,)]
    assert [(result.result, result.code) for result in found.results] == [
        ("rejected", "not_an_object"), ("accepted", None), ("rejected", "type_error"), ("rejected", "unknown_event"),
    ]  # fmt: skip


def test_a_second_copy_in_a_batch_is_a_duplicate_and_another_event_of_that_id_a_conflict() -> None:
    event = a_track("A", messageId="m")

    found = accepted(event, event, {**event, "event": "other"})

    assert found.results == (
        Result(0, "accepted", "m"), Result(1, "duplicate", "m"), Result(2, "rejected", "m", "id_conflict"),
    )  # fmt: skip
    assert [record.events for record in found.records] == [1]


def test_a_made_id_stands_in_the_flags_and_is_the_same_for_the_same_body() -> None:
    sent = [a_track("A"), a_track("B", messageId=None)]

    first, again = accepted(*sent), accepted(*sent)

    assert first == again
    made = first.results[1].id
    assert records(first)[0].flags == {1: EventFlags(made, ("id_made",))}
    assert first.results[1].result == "accepted"
    assert events.event_id(records(first)[0], 1, events.indexed(records(first)[0])[1][1]) == made


def test_a_made_id_differs_by_app_body_and_index() -> None:
    assert len({made_id("a", b"x", 0), made_id("b", b"x", 0), made_id("a", b"y", 0), made_id("a", b"x", 1)}) == 4


def test_a_doubtful_time_is_flagged_in_the_record() -> None:
    found = accepted(a_track("A", timestamp="yesterday"))

    assert found.results[0].result == "adjusted"
    assert records(found)[0].flags == {0: EventFlags(None, ("time_unreadable",))}


def test_context_and_sent_at_of_the_batch_travel_in_the_envelope() -> None:
    [record] = records(accepted(a_track(), context={"locale": "pt"}, sentAt="2026-11-21T12:00:00Z", integrations={}))

    assert bytes(record.context) == b'{"locale":"pt"}'  # type: ignore[arg-type]
    assert record.sent_at == "2026-11-21T12:00:00Z"


def test_a_large_batch_is_split_and_loses_nothing() -> None:
    sent = [a_track(f"E{n}", properties={f"p{i}": "x" * 40_000 for i in range(10)}) for n in range(10)]

    found = accepted(*sent)

    assert len(found.records) > 1
    assert all(len(record.value) <= MAX_RECORD_BYTES for record in found.records)
    assert [i for record in records(found) for i, _ in events.indexed(record)] == list(range(10))


def test_a_large_context_is_not_repeated_into_more_rows_than_the_warehouse_takes_at_once() -> None:
    context = {"s": "x" * 100_000}

    found = accepted(*(a_track(f"E{n}") for n in range(200)), context=context)

    rows = [len(record.events) * len(bytes(record.context)) for record in records(found)]  # type: ignore[arg-type]
    assert max(rows) <= MAX_ROWS_BYTES
    assert [i for record in records(found) for i, _ in events.indexed(record)] == list(range(200))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_body"), (b" \n", "empty_body"), (b'"x"', "not_an_object"), (b"[]", "not_an_object"),
        (b"null", "not_an_object"), (b'{"batch":{}}', "not_an_array"), (b"{}", "not_an_array"),
        (b'{"batch":[]}', "empty_batch"), (b'{"batch":[{}]} {}', "malformed_json"),
        (b'{"batch":[{}]} // c', "malformed_json"), (b'{"batch":[{},]}', "malformed_json"),
        (b"{'batch':[]}", "malformed_json"), (b'{"batch":[{}', "malformed_json"),
        (b'{"batch":[{"s":"a\tb"}]}', "malformed_json"), (b'{"batch":[{"n":0x10}]}', "malformed_json"),
        (b'{"batch":[{"n":1.}]}', "malformed_json"), (b'{"batch":[{"v":NaN}]}', "not_finite"),
        (b'{"batch":[{"v":-Infinity}]}', "not_finite"), (b'{"batch":[{"v":"NaN",}]}', "malformed_json"),
        (b'{"batch":[{"s":"\\ud800"}]}', "invalid_unicode"), (b'{"batch":[{"\\udc00x":1}]}', "invalid_unicode"),
        (b'{"batch":[{"s":"\xff"}]}', "invalid_utf8"), (b'{"batch":[{"s":"\xc0\xaf"}]}', "invalid_utf8"),
        (b'{"batch":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "too_deep"),
        (b'{"batch":[' + b",".join([b"{}"] * 501) + b"]}", "batch_too_large"),
        (b'{"batch":[{}],"context":7}', "type_error"), ('{"batch":[]}'.encode("utf-16"), "invalid_utf8"),
    ],
    ids=lambda part: str(part[:30]),
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_refused_as_a_whole(body: bytes, code: str) -> None:
    assert refusal(body) == code


@pytest.mark.parametrize("body", [b'{"userId":"ana","event":"A"}', b' {"userId":"ana","event":"A","type":"track"} '])
def test_a_single_call_is_a_batch_of_one_whose_type_is_the_path_s(body: bytes) -> None:
    found = single(body, "track")

    assert not isinstance(found, Refused)
    [record] = records(accept(found, body, app="app", batch_id="b", received_at=NOON))
    assert events.indexed(record)[0][1].type == "track"


@pytest.mark.parametrize(("body", "code"), [(b"{}", "type_error"), (b'{"type":"page"}', "unknown_event"), (b"[]", "not_an_object")])  # fmt: skip  # noqa: E501
def test_a_single_call_that_is_no_event_is_refused(body: bytes, code: str) -> None:
    found = single(body, "track")
    if not isinstance(found, Refused):
        found = refused(accept(found, body, app="app", batch_id="b", received_at=NOON).results)
    assert found.code == code


def test_a_batch_of_which_nothing_is_acceptable_has_the_events_common_status() -> None:
    assert refused([Result(0, "rejected", code="too_deep"), Result(1, "rejected", code="not_finite")]).status == 400
    assert refused([Result(0, "rejected", code="too_deep"), Result(1, "rejected", code="type_error")]).status == 422


text = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
some_events = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["track", "page", "x", 7])},
        optional={
            "event": text, "userId": text | st.integers(), "anonymousId": text, "messageId": text | st.none(),
            "timestamp": text | st.integers() | st.none(), "properties": st.dictionaries(text, text, max_size=3),
        },
    )
    | st.integers(),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(deadline=None)
@given(sent=some_events)
def test_every_event_has_one_result_and_whatever_is_kept_can_be_read_again(sent: list[Any]) -> None:
    found = accepted(*sent)

    assert [result.index for result in found.results] == list(range(len(sent)))
    kept = sorted(index for record in records(found) for index, _ in events.indexed(record))
    assert kept == [result.index for result in found.results if result.result in ("accepted", "adjusted")]
    ids = [
        events.event_id(record, index, event) for record in records(found) for index, event in events.indexed(record)
    ]
    assert all(ids)
    assert len(set(ids)) == len(ids)
