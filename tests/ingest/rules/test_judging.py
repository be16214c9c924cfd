from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ingest.rules.judging import Rejected, Taken, judge
from tests.builders import NOON, a_track


def judged(**members: object) -> Taken | Rejected:
    return judge(msgspec.json.encode(a_track(**members)), received_at=NOON)  # type: ignore[arg-type]


def test_an_honest_event_is_taken_under_its_user() -> None:
    assert judged(messageId="m-1", timestamp=NOON) == Taken("ana", "m-1")


def test_without_a_user_the_anonymous_id_is_the_key() -> None:
    assert judged(userId=None, anonymousId="phone-7", messageId="m-1") == Taken("phone-7", "m-1")


@pytest.mark.parametrize("messageId", [None, ""])
def test_an_event_without_an_id_is_taken_and_gets_one(messageId: str | None) -> None:
    assert judged(messageId=messageId) == Taken("ana", None, ("id_made",))


@pytest.mark.parametrize("messageId", ["abc", "00000000-0000-0000-0000-000000000000", "{ABC}", "x" * 100])
def test_a_message_id_is_opaque(messageId: str) -> None:
    assert judged(messageId=messageId) == Taken("ana", messageId)


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"messageId": "x" * 101}, "bad_id"),
        ({"messageId": "a\tb"}, "bad_id"),
        ({"messageId": 7}, "type_error"),
        ({"type": "no_such_type"}, "unknown_event"),
        ({"type": 7}, "type_error"),
        ({"event": ""}, "type_error"),
        ({"event": 7}, "type_error"),
        ({"event": "x" * 201, "messageId": "m"}, "bad_name"),
        ({"userId": None}, "type_error"),
        ({"userId": 7}, "type_error"),
        ({"userId": "x" * 201}, "string_too_long"),
        ({"properties": [1]}, "type_error"),
        ({"context": "phone"}, "type_error"),
        ({"traits": 1}, "type_error"),
        ({"properties": {"n": 2**53}}, "number_out_of_range"),
        ({"properties": {"s": "x" * 1_100_000}}, "event_too_large"),
    ],
)
def test_a_bad_event_is_rejected_with_its_code(members: dict[str, Any], code: str) -> None:
    found = judged(**members)

    assert isinstance(found, Rejected)
    assert found.code == code


def test_a_type_that_is_missing_is_a_type_error() -> None:
    assert judge(b'{"userId":"ana"}', received_at=NOON) == Rejected("type_error")


def test_what_is_not_an_object_says_so() -> None:
    assert judge(b"1", received_at=NOON) == Rejected("not_an_object")


def test_the_batch_s_context_counts_towards_the_event() -> None:
    assert judge(msgspec.json.encode(a_track()), received_at=NOON, context_bytes=800_000) == Rejected("event_too_large")


@pytest.mark.parametrize(
    ("timestamp", "flags"),
    [
        ("2026-02-30T00:00:00Z", ("time_unreadable",)),
        ("2016-12-31T23:59:60Z", ("time_unreadable",)),
        ("yesterday", ("time_unreadable",)),
        ({"$date": 1}, ("time_unreadable",)),
        (True, ("time_unreadable",)),
        (1760000000, ("time_unreadable",)),
        ("0001-01-01T00:00:00Z", ("time_implausible",)),
        ("9999-12-31T23:59:59Z", ("time_implausible",)),
        ((NOON + timedelta(days=3651)).isoformat(), ("time_implausible",)),
        ("2026-11-21T12:00:00", ()),
    ],
)
def test_a_doubtful_time_is_kept_and_said_to_be_adjusted(timestamp: object, flags: tuple[str, ...]) -> None:
    assert judged(timestamp=timestamp, messageId="m") == Taken("ana", "m", flags, "bad_timestamp")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "timestamp", [None, "2026-11-21T12:00:00Z", "2026-11-21T13:00:00+01:00", "2020-01-01T00:00:00Z"]
)
def test_an_honest_time_is_not_touched(timestamp: object) -> None:
    assert judged(timestamp=timestamp, messageId="m") == Taken("ana", "m")


def test_members_that_sdks_add_of_their_own_are_kept() -> None:
    assert judged(integrations={"All": True}, _metadata={"bundled": []}, version=99, messageId="m") == Taken("ana", "m")
