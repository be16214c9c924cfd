from datetime import UTC, datetime, timedelta

import pytest

from bench.community import Visit
from bench.simulation import TICK, end_of_tick

DAY = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("minutes", [0, 1, 59, 60, 725, 23 * 60 + 50, 24 * 60 - 1])
def test_what_happened_is_sent_soon_after_and_on_the_same_day(minutes: int) -> None:
    visit = Visit(DAY + timedelta(minutes=minutes), person=0)

    sent = end_of_tick(visit)

    assert visit.at <= sent < visit.at + TICK
    assert sent.date() == DAY.date()


def test_a_day_is_sent_in_equal_parts() -> None:
    sent = {end_of_tick(Visit(DAY + timedelta(minutes=n), person=0)) for n in range(24 * 60)}

    assert len(sent) == timedelta(days=1) / TICK
