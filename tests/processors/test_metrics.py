from datetime import timedelta

import msgspec
import pytest

from processors.intents import Count, Sketch
from processors.rules.metrics import tallies
from schemas.facts import Fact
from schemas.projections import active, minute
from tests import builders as a

NOW = a.NOON + timedelta(seconds=59)


def test_a_batch_is_counted_in_the_minute_in_which_it_came() -> None:
    record = a.an_events_record([a.a_track(), a.a_track(), {"type": "screen", "name": "Roll"}], received_at=NOW)

    assert list(tallies(record)) == [
        Count(minute(a.NOON), "events", 3),
        Count(minute(a.NOON), "events:screen", 1),
        Count(minute(a.NOON), "events:track", 2),
        Sketch(active(a.NOON), ("ana",)),
    ]


def test_names_from_clients_make_no_fields() -> None:
    record = a.an_events_record([a.a_track(f"made up {n}") for n in range(100)])

    assert {each.field for each in tallies(record) if isinstance(each, Count)} == {"events", "events:track"}


def test_a_clients_own_clock_is_not_asked() -> None:
    record = a.an_events_record([a.a_track(timestamp="1999-01-01T00:00:00Z")])

    assert {each.key for each in tallies(record)} == {minute(a.NOON), active(a.NOON)}


def test_a_fact_counts_and_its_maker_is_active() -> None:
    fact = a.user_registered()

    assert list(tallies(fact)) == [
        Count(minute(a.NOON), "facts", 1),
        Count(minute(a.NOON), "facts:UserRegistered", 1),
        Sketch(active(a.NOON), (fact.by,)),
    ]


@pytest.mark.parametrize("fact", [a.photo_developed(), a.photo_spoiled()], ids=["developed", "spoiled"])
def test_a_photo_that_develops_overnight_wakes_nobody(fact: Fact) -> None:
    assert not [each for each in tallies(fact) if isinstance(each, Sketch)]


def test_what_comes_after_an_erasure_is_counted_as_such_and_makes_nobody_active() -> None:
    record = a.an_events_record([a.a_track(), {"type": "screen", "name": "Roll"}], received_at=NOW)

    late = list(tallies(record, NOW - timedelta(microseconds=1)))

    assert late == [Count(minute(a.NOON), "events", 2), Count(minute(a.NOON), "events:erased", 2)]
    for before in (NOW, NOW + timedelta(days=1)):
        assert list(tallies(record, before)) == list(tallies(record)), "it was theirs when it came"


def test_an_event_of_no_type_makes_a_bad_record() -> None:
    with pytest.raises(msgspec.ValidationError):
        list(tallies(a.an_events_record([{"event": "Photo Taken"}])))
