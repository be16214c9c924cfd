from collections import Counter

import pytest

from processors.rules.ledger import NO_HOUR, Due, Line, Place, judge
from schemas.topics import Origin
from tests.builders import NOON

TOPIC = "events.v1"


def the_line(
    due: Due, rows: dict[int, int] | None = None, *, dead: bool = False, committed: int = 8, offset: int = 7
) -> Line:
    """What is said of one record at offset 7, of which so many copies of each index stand in BigQuery."""
    stored = {offset: Counter(rows)} if rows else {}
    ((hour, line),) = judge(TOPIC, 3, {offset: due}, stored, {offset} if dead else (), committed)
    assert hour == NOON
    return line


def due(*places: int, readable: bool = True) -> Due:
    return Due(NOON, places, readable)


def at(*indexes: int) -> list[Place]:
    return [Place(Origin(TOPIC, 3, 7), index) for index in indexes]


def test_every_row_once_is_right() -> None:
    assert the_line(due(0, 1, 5), {0: 1, 1: 1, 5: 1}) == Line(records=1, due=3, stored=3)


def test_a_row_that_is_not_there_is_lost() -> None:
    assert the_line(due(0, 1, 5), {0: 1, 5: 1}).lost == at(1)
    assert the_line(due(0, 1)).lost == at(0, 1)


def test_what_the_sink_has_not_committed_is_waited_for() -> None:
    line = the_line(due(0, 1), {0: 1}, committed=7)

    assert (line.waiting, line.lost) == (1, [])


def test_a_row_that_stands_twice_is_doubled_even_when_it_waits_or_is_dead() -> None:
    assert the_line(due(0, 1), {0: 2, 1: 1}).doubled == at(0)
    assert the_line(due(0), {0: 3}, committed=0).doubled == at(0)
    assert the_line(due(0), {0: 2}, dead=True).doubled == at(0)


def test_a_dead_letter_accounts_for_its_record() -> None:
    line = the_line(due(0, 1), dead=True)

    assert (line.dead, line.lost, line.waiting) == (1, [], 0)


@pytest.mark.parametrize(("dead", "lost"), [(True, []), (False, [0])])
def test_a_record_that_cannot_be_read_must_have_a_dead_letter(dead: bool, lost: list[int]) -> None:
    assert the_line(due(readable=False), dead=dead).lost == at(*lost)


def test_rows_of_which_the_log_knows_nothing_are_told() -> None:
    assert the_line(due(0), {0: 1, 4: 1}).strange == at(4)
    ((hour, line),) = judge(TOPIC, 3, {}, {7: Counter({0: 2})}, (), 8)
    assert (hour, line.strange, line.stored) == (NO_HOUR, at(0), 2)


def test_lines_add_up() -> None:
    total = Line()

    for _ in range(2):
        total.add(the_line(due(0, 1), {0: 2}))

    assert (total.records, total.due, total.stored) == (2, 4, 4)
    assert (total.lost, total.doubled) == (at(1) * 2, at(0) * 2)
