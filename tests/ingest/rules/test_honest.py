from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.rules import honest
from ingest.rules.batch import Accepted, Envelope, accept, careful, envelope
from schemas import events
from schemas.problems import Refused
from tests.builders import NOON, a_track


def accepted(found: Envelope | Refused, body: bytes) -> Accepted | Refused:
    if isinstance(found, Refused):
        return found
    return accept(found, body, app="app", batch_id="b", received_at=NOON)


def stored(found: Accepted | Refused) -> object:
    """What of an answer must not depend on how the batch was read: white space between events may."""
    if isinstance(found, Refused):
        return found.code
    return [events.decode(record.value) for record in found.records], found.results


def went_in_one_go(*sent: object, **members: object) -> bool:
    found = honest.read(msgspec.json.encode({"batch": sent, **members}))
    return found is not None and found.plausible(NOON)


def test_plain_events_are_judged_in_one_go() -> None:
    assert went_in_one_go(a_track("A"), a_track("B", timestamp=NOON, properties={"a": [1.5, "x"]}, integrations={}))
    assert went_in_one_go({"type": "page", "anonymousId": "a", "messageId": "m", "traits": None})
    assert went_in_one_go(a_track(properties={"deep": [{"as": {"honest": ["ones"]}}]}), context={}, a=1)


@pytest.mark.parametrize(
    "members",
    [
        {"messageId": None}, {"messageId": ""}, {"messageId": "x" * 101}, {"messageId": "a\tb"}, {"messageId": "m-A"},
        {"messageId": "a\x7fb"}, {"messageId": "\u200b"}, {"type": "x"}, {"event": ""}, {"event": "x" * 201},
        {"userId": None}, {"userId": 7}, {"userId": "x" * 201}, {"unheard": "of"},
        {"timestamp": "x"}, {"timestamp": 7}, {"timestamp": "2026-11-21T12:00:00"}, {"properties": [1]}, {"traits": 1},
        {"timestamp": NOON + timedelta(days=3651)}, {"timestamp": "1900-01-01T00:00:00Z"}, {"context": "x"},
        {"properties": {"x" * 201: 1}}, {"properties": {"x" * 150 + '"' + "x" * 150: 1}}, {"properties": {"v": "\0"}},
        {"properties": {"v": 2**53}}, {"properties": {"v": -(2**53)}}, {"properties": {"v": 2**64}},
        {"properties": {"s": "x" * 65_000}}, {"properties": {"s": "\xdf" * 32_001}}, {"context": {"list": [1] * 1001}},
        {"properties": {str(n): n for n in range(513)}}, {"integrations": {"\0": 1}}, {"version": 2**53},
    ],
    ids=lambda members: str(members)[:40],
)  # fmt: skip
def test_one_event_that_is_not_plain_has_each_of_them_judged(members: dict[str, Any]) -> None:
    assert not went_in_one_go(a_track("A"), {**a_track("B"), **members})


@pytest.mark.parametrize("number", ["1e400", "-1E+999", "9007199254740993", "123456789012345678901234567890"])
def test_a_number_that_no_parser_holds_is_not_plain(number: str) -> None:
    body = msgspec.json.encode({"batch": [a_track(properties={"v": 0})]})

    assert honest.read(body) is not None
    assert honest.read(body.replace(b'"v":0', f'"v":{number}'.encode())) is None


@pytest.mark.parametrize("text", ["x" * 3_000, '"', "1" * 18, "3b7d8e123", "\\u0001", "\xe9" * 300])
def test_an_event_that_looks_unusual_but_breaks_no_limit_costs_its_neighbours_nothing(text: str) -> None:
    assert went_in_one_go(a_track("A"), a_track("B", properties={"s": text, "fraction": 0.30000000000000004}))


@pytest.mark.parametrize(
    "body",
    [
        b'{"batch":[EVENT],"batch":[EVENT]}', b'{"batch":[EVENT],"\\u0062atch":[EVENT]}', b'{"batch":[EVENT],}',
        b'{"batch":[EVENT],"batch":null}',
        b'{"batch":[EVENT]"sentAt":"x"}', b'{"batch":[EVENT]}}', b'{"batch":[EVENT]', b'\x0b{"batch":[EVENT]}',
        b'{"batch":[EVENT],"a":[1]}', b'{"a":1,"batch":[EVENT]}', b'{"batch":[EVENT],"context":7}', b'{"batch":EVENT}',
        b'{"batch":[EVENT],"context":{"s":"\xff"}}', b'\xef\xbb\xbf{"batch":[EVENT]}', b'{"batch":[]}',
        b'{"batch":[' + b"EVENT," * 500 + b"EVENT]}", b'{"batch":[EVENT],"sentAt":"]"}', b'{"batch":[EVENT]} ]',
    ],
    ids=lambda body: str(body[:40]),
)  # fmt: skip
def test_a_body_that_does_not_fall_into_batch_and_rest_is_read_with_care(body: bytes) -> None:
    assert honest.read(body.replace(b"EVENT", msgspec.json.encode(a_track()))) is None


def test_white_space_and_further_members_do_not_matter() -> None:
    event = msgspec.json.encode(a_track())

    for body in (b' { "batch" : [ %b ] , "sentAt" : "x" } \n', b'{"batch":[%b],"writeKey":"k","x":{"y":1}}'):
        assert honest.read(body % event) is not None


def test_the_batch_s_context_counts_towards_the_event_here_too() -> None:
    for properties, context in ({}, {"s": "x" * 15_000 + "y" * 785_000}), ({"s": "x" * 9_000}, {"s": "x" * 795_000}):
        body = msgspec.json.encode({"batch": [a_track(properties=properties)], "context": context})
        found = accepted(envelope(body), body)

        assert isinstance(found, Accepted)
        assert [result.code for result in found.results] == ["event_too_large"]


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


@settings(deadline=None, max_examples=200)
@given(sent=some)
def test_in_one_go_or_one_by_one_the_same_is_stored(sent: list[Any]) -> None:
    body = msgspec.json.encode({"batch": sent})

    assert stored(accepted(envelope(body), body)) == stored(accepted(careful(body), body))


odd = st.sampled_from(
    [
        b"", b" ", b"\n", b",", b'"', b"]", b"[", b"}", b"{", b"\\", b"\\u0000", b"\\ud800", b"1e400", b"9" * 16, b"-0",
        b"null", b"\xff", b"\x7f", b"x" * 201, b'"batch":[', b'],"batch":[', b'"batch":[],', b"{" * 40, b'"a":1,',
        b'"type":"page",', b'"userId":"",', b'"messageId":"m",', b":", b"\x00", "\xe9".encode(), b'"context":7,',
    ]
)  # fmt: skip
cuts = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), odd), min_size=1, max_size=3)
WHOLE = msgspec.json.encode(
    {"batch": [a_track("A", properties={"v": 1, "l": [{}]}), a_track("B", context={"s": 'q"'})], "sentAt": "x"}
)


@settings(deadline=None, max_examples=300)
@given(cuts=cuts)
def test_however_a_body_is_broken_both_ways_of_reading_agree(cuts: list[tuple[float, int, bytes]]) -> None:
    body = WHOLE
    for where, length, instead in cuts:
        at = int(where * len(body))
        body = body[:at] + instead + body[at + length :]

    assert stored(accepted(envelope(body), body)) == stored(accepted(careful(body), body))


@pytest.mark.parametrize("people", [1, 3])
@pytest.mark.parametrize("context", [{}, {"s": "x" * 100_000}], ids=["large events", "a large context"])
def test_a_batch_that_is_too_large_for_one_record_is_parted_alike(context: dict[str, str], people: int) -> None:
    sent = [a_track(f"E{n}", userId=f"u{n % people}", properties={"s": "x" * 9_000}) for n in range(120)]
    body = msgspec.json.encode({"batch": sent, "context": context})

    quick = accepted(envelope(body), body)

    assert went_in_one_go(*sent, context=context)
    assert stored(quick) == stored(accepted(careful(body), body))
    assert isinstance(quick, Accepted)
    assert len(quick.records) > 1
