from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rules.reveal import clock, delay, instant, reveal_at, zone

LISBON, NEW_YORK, APIA = ZoneInfo("Europe/Lisbon"), ZoneInfo("America/New_York"), ZoneInfo("Pacific/Apia")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def next_reveal(develop: str, tz: ZoneInfo, now: datetime) -> datetime:
    return reveal_at(develop, tz, now, opened_at=now)


def test_a_photo_taken_in_the_evening_is_revealed_the_next_morning() -> None:
    assert next_reveal("09:00", LISBON, utc(2026, 7, 1, 20)) == utc(2026, 7, 2, 8)


def test_a_photo_taken_before_the_develop_time_is_revealed_the_same_day() -> None:
    assert next_reveal("09:00", LISBON, utc(2026, 7, 1, 7, 59, 59)) == utc(2026, 7, 1, 8)


def test_a_photo_taken_on_the_stroke_waits_for_the_next_day() -> None:
    assert next_reveal("09:00", LISBON, utc(2026, 7, 1, 8)) == utc(2026, 7, 2, 8)


def test_a_skipped_local_time_is_the_first_instant_after_the_gap() -> None:
    assert next_reveal("02:30", NEW_YORK, utc(2026, 3, 8, 1)) == utc(2026, 3, 8, 7), "clocks jump from 2:00 to 3:00 EDT"


def test_a_local_time_that_comes_twice_is_the_first() -> None:
    assert next_reveal("01:30", NEW_YORK, utc(2026, 11, 1, 1)) == utc(2026, 11, 1, 5, 30)


def test_a_day_that_a_place_skipped_is_revealed_when_the_next_begins() -> None:
    assert instant(datetime(2011, 12, 30).date(), time(9), APIA) == utc(2011, 12, 30, 10)  # noqa: DTZ001 - a date


def test_a_delay_repeats_from_the_roll_s_opening() -> None:
    opened = utc(2026, 7, 1, 20, 0, 0, 999_999)

    assert reveal_at("10s", LISBON, opened, opened_at=opened) == utc(2026, 7, 1, 20, 0, 10)
    assert reveal_at("10s", LISBON, utc(2026, 7, 1, 20, 0, 10), opened_at=opened) == utc(2026, 7, 1, 20, 0, 20)
    assert reveal_at("2h", LISBON, utc(2026, 7, 2, 3, 59), opened_at=utc(2026, 7, 1, 20)) == utc(2026, 7, 2, 4)


@given(
    taken=st.lists(st.integers(0, 10**6), min_size=2, max_size=5),
    develop=st.sampled_from(["09:00", "10s", "90s", "2h"]),
)
def test_what_is_taken_between_two_develop_times_is_revealed_together(taken: list[int], develop: str) -> None:
    opened = utc(2026, 7, 1, 20)
    times = sorted(opened + timedelta(seconds=seconds) for seconds in taken)

    reveals = [reveal_at(develop, LISBON, now, opened_at=opened) for now in times]

    assert reveals == sorted(reveals)
    for now, reveal in zip(times, reveals, strict=True):
        assert {r for t, r in zip(times, reveals, strict=True) if now <= t < reveal} == {reveal}


@pytest.mark.parametrize("text", ["", "0s", "8d", "169h", "10", "-5m", "1.5h", "99999999s", "٣s", "10s "])
def test_what_is_no_delay_of_a_week_at_most_is_none(text: str) -> None:
    assert delay(text) is None


@pytest.mark.parametrize("text", ["", "24:00", "9:00", "09:60", "09:00:00", "09-00", "٠٩:٠٠", "09:00\n"])
def test_what_is_no_local_time_is_none(text: str) -> None:
    assert clock(text) is None


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "Europe", "a" * 65, "UTC\0"])
def test_what_is_no_time_zone_is_none(name: str) -> None:
    assert zone(name) is None


def test_a_develop_that_no_roll_can_have_is_our_own_fault() -> None:
    with pytest.raises(ValueError, match="expected HH:MM"):
        next_reveal("soon", LISBON, utc(2026, 7, 1))


@given(
    now=st.datetimes(datetime(2021, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    tz=st.sampled_from(["Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
)
def test_the_reveal_is_after_now_within_two_days_and_on_a_whole_second(
    now: datetime, hour: int, minute: int, tz: str
) -> None:
    found = next_reveal(f"{hour:02d}:{minute:02d}", ZoneInfo(tz), now)

    assert now < found <= now + timedelta(hours=26)
    assert found.microsecond == 0
    assert found.utcoffset() == timedelta()
