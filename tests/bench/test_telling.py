from datetime import UTC, datetime, timedelta

from bench.community import Push, Visit
from bench.telling import told

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_visit_is_told_from_its_opening_to_what_was_shared() -> None:
    found = told(Visit(AT, person=3, depth=4), ["photo-1", "photo-2"], ["photo-1"])

    assert [event.name for event in found] == [
        "App Opened", "Photo Viewed", "Photo Viewed", "Feed Scrolled", "Photo Shared",
    ]  # fmt: skip
    assert [event.at for event in found] == [AT + timedelta(seconds=7 * number) for number in range(5)]
    assert found[3].properties == {"feed": "home", "depth": 4}


def test_a_push_is_told_before_the_visit_it_led_to() -> None:
    ten = timedelta(minutes=10)
    opened, ignored = (told(Visit(AT, 3, push=Push("like", ten, is_opened)), [], []) for is_opened in (True, False))

    assert [(event.name, event.at) for event in opened[:3]] == [
        ("Push Received", AT - ten), ("Push Opened", AT), ("App Opened", AT),
    ]  # fmt: skip
    assert [event.name for event in ignored] == ["Push Received", "App Opened", "Feed Scrolled"]
    assert opened[0].properties == opened[1].properties
