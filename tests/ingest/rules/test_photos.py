from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingest.rules.photos import (
    AskUpload,
    Original,
    Plan,
    TakePhoto,
    decide_capture,
    decide_deletion,
    original_fault,
    plan,
    taken_on,
    upload_fault,
)
from schemas.facts import PhotoCaptured, PhotoDeleted
from schemas.hashes import Card
from schemas.ids import UploadId
from schemas.problems import Refused
from tests.builders import NOON, a_fact_id, a_photo, a_roll, a_user
from tests.ingest.rules.test_rolls import a_known_roll

UPLOAD = UploadId("0" * 32)


def planned(known: Any = None, home_tz: str = "Europe/Lisbon", **members: Any) -> Plan | Refused:
    return plan(TakePhoto(upload_id=UPLOAD, **members), known, home_tz=home_tz, at=NOON)


def test_a_photo_without_a_roll_is_public_and_develops_at_nine_at_home() -> None:
    found = planned()

    assert isinstance(found, Plan)
    assert (found.reveal_at, found.private) == (datetime(2026, 11, 22, 9, tzinfo=UTC), False)


def test_a_photo_taken_on_a_journey_develops_at_nine_there() -> None:
    found = planned(tz="Asia/Tokyo")

    assert isinstance(found, Plan)
    assert found.reveal_at == datetime(2026, 11, 22, 0, tzinfo=UTC)


def test_a_photo_on_a_roll_is_what_the_roll_is() -> None:
    found = planned(a_known_roll(develop="10s"), roll=a_roll(), tz="Asia/Tokyo")

    assert found == Plan(NOON + timedelta(seconds=10), "darkroom-400", private=True, tz=ZoneInfo("Europe/Lisbon"))


@pytest.mark.parametrize(
    ("known", "members", "code"),
    [
        (None, {"roll": a_roll()}, "not_found"),
        (a_known_roll(member=False), {"roll": a_roll()}, "not_found"),
        (a_known_roll(member=False, visibility="public"), {"roll": a_roll()}, "forbidden"),
        (a_known_roll(closed=True), {"roll": a_roll()}, "roll_closed"),
        (a_known_roll(blocked=True), {"roll": a_roll()}, "not_found"),
        (None, {"tz": "Nowhere"}, "bad_timezone"),
        (None, {"taken_at": datetime(2026, 1, 1)}, "bad_value"),  # noqa: DTZ001 - that is the point
        (None, {"taken_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))}, "bad_value"),
        (None, {"caption": "x" * 2001}, "text_too_long"),
        (None, {"caption": "a\0"}, "nul_not_allowed"),
    ],
)
def test_a_bad_photo_is_refused_with_its_code(known: Any, members: dict[str, Any], code: str) -> None:
    found = planned(known, **members)

    assert isinstance(found, Refused)
    assert found.code == code


def test_the_fact_holds_what_was_planned_and_utc_times() -> None:
    taken = datetime(2026, 11, 21, 13, tzinfo=timezone(timedelta(hours=1)))
    command = TakePhoto(upload_id=UPLOAD, caption="Cafe\u0301", taken_at=taken)
    settled = Plan(NOON, "darkroom-400", private=True, tz=ZoneInfo("Pacific/Kiritimati"))

    found = decide_capture(
        command, settled, '"e"', photo=a_photo(), secret="5" * 32, id=a_fact_id(), by=a_user(), at=NOON
    )

    assert isinstance(found, PhotoCaptured)
    assert found.original == f"uploads/{a_user()}/{UPLOAD}"
    assert (found.visibility, found.personal.caption) == ("private", "Caf\u00e9")
    assert found.taken_at == NOON
    assert found.taken_at.tzinfo is UTC
    assert found.taken_on == date(2026, 11, 21)


@pytest.mark.parametrize(
    ("taken", "on"),
    [
        (datetime(2026, 11, 21, 23, 30, tzinfo=timezone(timedelta(hours=9))), date(2026, 11, 21)),  # as the phone shows
        (datetime(2026, 11, 21, 0, 30, tzinfo=timezone(timedelta(hours=-8))), date(2026, 11, 21)),
        (datetime(2026, 11, 21, 22, 59, tzinfo=UTC), date(2026, 11, 21)),  # as Berlin shows
        (datetime(2026, 11, 21, 23, 0, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 7, 21, 22, 0, tzinfo=UTC), date(2026, 7, 22)),  # in summer
        (None, date(2026, 11, 21)),
    ],
)
def test_a_photo_is_of_the_day_that_its_phone_or_its_roll_shows(taken: datetime | None, on: date) -> None:
    assert taken_on(taken, ZoneInfo("Europe/Berlin"), NOON) == on


def test_without_taken_at_the_moment_of_the_command_counts() -> None:
    assert taken_on(None, ZoneInfo("Pacific/Kiritimati"), NOON) == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("known", "members", "zone"),
    [
        (None, {}, "America/Lima"),
        (None, {"tz": "Asia/Tokyo"}, "Asia/Tokyo"),
        (a_known_roll(), {"roll": a_roll(), "tz": "Asia/Tokyo"}, "Europe/Lisbon"),
    ],
)
def test_its_days_are_those_of_the_zone_in_which_it_develops(known: Any, members: dict[str, Any], zone: str) -> None:
    found = planned(known, home_tz="America/Lima", **members)

    assert isinstance(found, Plan)
    assert found.tz == ZoneInfo(zone)


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"content_type": "image/gif"}, "unsupported_image"),
        ({"content_type": "image/jpeg; x"}, "unsupported_image"),
        ({"content_type": "IMAGE/JPEG\r\n"}, "unsupported_image"),
        ({"bytes": 0}, "bad_size"),
        ({"bytes": -1}, "bad_size"),
        ({"bytes": 25_000_001}, "bad_size"),
        ({"sha256": "xyz"}, "bad_value"),
        ({"sha256": "A" * 64}, "bad_value"),
    ],
)
def test_a_ticket_is_for_a_picture_of_sensible_size(members: dict[str, Any], code: str) -> None:
    found = upload_fault(AskUpload(**{"content_type": "image/jpeg", "bytes": 1000, **members}))

    assert found is not None
    assert found.code == code


def test_what_was_uploaded_is_looked_at_again() -> None:
    assert original_fault(Original('"e"', 1000, "image/jpeg")) is None
    faults = [original_fault(Original('"e"', *found)) for found in ((0, "image/jpeg"), (9, "text/html"))]
    assert [found.code for found in faults if found] == ["bad_size", "unsupported_image"]


def test_only_the_author_deletes_and_twice_is_once() -> None:
    def deletion(card: Card | None) -> PhotoDeleted | Refused | None:
        return decide_deletion(card, photo=a_photo(), id=a_fact_id(), by=a_user(), at=NOON)

    made = deletion(Card(author=a_user(), roll=a_roll()))
    assert isinstance(made, PhotoDeleted)
    assert made.roll == a_roll()
    assert deletion(Card(author=a_user(), deleted_at=NOON)) is None
    others = [deletion(Card(author=a_user("ben"))), deletion(None)]
    assert [found.code for found in others if isinstance(found, Refused)] == ["not_found", "not_found"]
