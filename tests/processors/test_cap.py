import pytest

from processors.cap import DEAD_IN_A_ROW, DEAD_IN_WINDOW, WINDOW, Cap, CapReached, Outcome
from tests.builders import an_origin


def ended(dead: set[int], count: int, partition: int = 0) -> list[Outcome]:
    return [(an_origin(offset, partition), offset in dead) for offset in range(count)]


def test_one_record_in_a_hundred_may_be_bad() -> None:
    Cap().after(ended(set(range(0, WINDOW, 100)), WINDOW)).check()


def test_more_than_that_stops_the_processor_at_the_first_of_them() -> None:
    cap = Cap().after(ended(set(range(7, WINDOW, WINDOW // (DEAD_IN_WINDOW + 1))), WINDOW))

    with pytest.raises(CapReached) as stopped:
        cap.check()

    assert stopped.value.back_to == {("facts.v1", 0): 7}


def test_a_share_of_few_records_says_nothing() -> None:
    Cap().after(ended(set(range(0, 90)), WINDOW - 1)).check()


def test_a_hundred_in_a_row_on_one_partition_stop_it_at_the_first() -> None:
    cap = Cap().after(ended(set(range(20, 20 + DEAD_IN_A_ROW)), 20 + DEAD_IN_A_ROW))

    with pytest.raises(CapReached) as stopped:
        cap.check()

    assert stopped.value.back_to == {("facts.v1", 0): 20}


def test_a_good_record_between_them_ends_the_row() -> None:
    bad = set(range(0, DEAD_IN_A_ROW + 1)) - {50}

    Cap().after(ended(bad, DEAD_IN_A_ROW + 1)).check()


def test_rows_are_counted_by_partition() -> None:
    cap = Cap()
    for partition in range(4):
        cap = cap.after(ended(set(range(40)), 40, partition))

    cap.check()


def test_trying_a_batch_does_not_count_it() -> None:
    cap = Cap()
    cap.after(ended(set(range(DEAD_IN_A_ROW)), DEAD_IN_A_ROW))

    cap.check()
