from datetime import UTC, datetime, timedelta, timezone

import msgspec

from processors.rules.due import due, ids
from tests.builders import a_track, an_events_record, user_registered

LATE = datetime(2026, 3, 4, 0, 30, tzinfo=timezone(timedelta(hours=2)))


def test_a_batch_is_due_in_the_hour_in_which_it_was_accepted_with_a_row_per_event() -> None:
    record = an_events_record([{**a_track(), "messageId": name} for name in ("a", "b")], received_at=LATE)

    assert due(record).hour == datetime(2026, 3, 3, 22, tzinfo=UTC)
    assert due(record).places == (0, 1)
    assert ids(record) == {0: "a", 1: "b"}


def test_what_was_left_of_a_batch_keeps_its_places() -> None:
    record = msgspec.structs.replace(an_events_record([a_track(), a_track()]), indexes=(3, 7))

    assert due(record).places == (3, 7)


def test_a_fact_is_due_once() -> None:
    fact = user_registered(at=LATE)

    assert (due(fact).hour, due(fact).places) == (datetime(2026, 3, 3, 22, tzinfo=UTC), (0,))
    assert ids(fact) == {0: str(fact.id)}
