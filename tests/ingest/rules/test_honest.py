from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.rules.batch import Accepted, Envelope, accept, envelope
from tests.builders import NOON, a_track


def accepted(body: bytes, *, told_all: bool) -> Accepted:
    found = envelope(body)
    assert isinstance(found, Envelope)
    return accept(found, body, app="app", batch_id="b", received_at=NOON, told_all=told_all)


def went_in_one_go(*sent: object, **members: object) -> bool:
    return accepted(msgspec.json.encode({"batch": sent, **members}), told_all=False).results == ()


def test_plain_events_are_judged_in_one_go() -> None:
    assert went_in_one_go(a_track("A"), a_track("B", timestamp=NOON, properties={"a": [1.5, "x"]}, integrations={}))
    assert went_in_one_go({"type": "page", "anonymousId": "a", "messageId": "m", "traits": None})


@pytest.mark.parametrize(
    "members",
    [
        {"messageId": None}, {"messageId": ""}, {"messageId": "x" * 101}, {"messageId": "a\tb"}, {"messageId": "m-A"},
        {"type": "x"}, {"event": ""}, {"event": "x" * 201}, {"userId": None}, {"userId": 7}, {"userId": "x" * 201},
        {"timestamp": "x"}, {"timestamp": 7}, {"timestamp": "2026-11-21T12:00:00"}, {"properties": [1]}, {"traits": 1},
        {"timestamp": NOON + timedelta(days=3651)}, {"timestamp": "1900-01-01T00:00:00Z"}, {"context": "x"},
        {"properties": {"x" * 201: 1}}, {"properties": {"v": 2**53}}, {"properties": {"v": "\0"}},
        {"properties": {"s": "x" * 65_000}}, {"context": {"list": [1] * 1001}},
    ],
    ids=lambda members: str(members)[:40],
)  # fmt: skip
def test_one_event_that_is_not_plain_has_each_of_them_judged(members: dict[str, Any]) -> None:
    assert not went_in_one_go(a_track("A"), {**a_track("B"), **members})


def test_an_event_that_looks_unusual_but_breaks_no_limit_costs_its_neighbours_nothing() -> None:
    assert went_in_one_go(a_track("A"), a_track("B", properties={"s": "x" * 3_000, "quoted": '"', "id": "1" * 18}))


def test_the_batch_s_context_counts_towards_the_event_here_too() -> None:
    assert not went_in_one_go(a_track("A"), context={"s": "x" * 800_000})
    assert not went_in_one_go(a_track("A", properties={"s": "x" * 9_000}), context={"s": "x" * 795_000})


text = st.text(max_size=4) | st.sampled_from(["x" * 201, "\0", "1" * 20, "8e123"])
values = st.recursive(text | st.integers() | st.floats(), lambda inner: st.lists(inner, max_size=3), max_leaves=5)
instants = st.datetimes(timezones=st.none() | st.sampled_from([NOON.tzinfo])) | st.just(NOON) | text | st.none()
some = st.lists(
    st.builds(
        a_track,
        st.sampled_from(["A", "B", "C", "D", ""]),
        type=st.sampled_from(["track", "track", "page"]),
        userId=st.sampled_from(["ana", "bo"]) | text,
        timestamp=instants,
        properties=st.dictionaries(text, values, max_size=3) | text,
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(sent=some)
def test_in_one_go_or_one_by_one_the_same_is_stored(sent: list[Any]) -> None:
    body = msgspec.json.encode({"batch": sent})

    quick, slow = accepted(body, told_all=False), accepted(body, told_all=True)

    assert quick.records == slow.records
    assert quick.results == slow.results or {result.result for result in slow.results} == {"accepted"}


@pytest.mark.parametrize("context", [{}, {"s": "x" * 100_000}], ids=["large events", "a large context"])
def test_a_batch_that_is_too_large_for_one_record_is_parted_alike(context: dict[str, str]) -> None:
    sent = [a_track(f"E{n}", properties={"s": "x" * 9_000}) for n in range(120)]
    body = msgspec.json.encode({"batch": sent, "context": context})

    quick, slow = accepted(body, told_all=False), accepted(body, told_all=True)

    assert quick.results == ()
    assert quick.records == slow.records
    assert len(quick.records) > 1
