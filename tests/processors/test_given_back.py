from dataclasses import dataclass

from processors.given_back import GivenBack


@dataclass(eq=False)
class Message:
    """What the loop sees of Faust's."""

    offset: int
    generation_id: int = 1
    tp: tuple[str, int] = ("facts.v1", 0)


def test_what_comes_after_a_record_that_was_given_back_waits_for_it() -> None:
    given_back = GivenBack()
    given_back.add([Message(5), Message(6)])

    assert given_back.blocks([Message(7)])
    assert not given_back.blocks([Message(5), Message(6), Message(7)])
    assert not given_back.blocks([Message(8)])


def test_the_lowest_of_all_that_was_given_back_counts() -> None:
    given_back = GivenBack()
    given_back.add([Message(5)])
    given_back.add([Message(7)])

    assert given_back.blocks([Message(7)])


def test_other_partitions_do_not_wait() -> None:
    given_back = GivenBack()
    given_back.add([Message(5)])

    assert not given_back.blocks([Message(9, tp=("facts.v1", 1))])


def test_after_a_rebalance_nobody_waits_for_what_another_worker_has_finished() -> None:
    given_back = GivenBack()
    given_back.add([Message(5)])

    assert not given_back.blocks([Message(9, generation_id=2)])


def test_what_was_on_its_way_when_its_partition_was_rewound_is_void() -> None:
    given_back = GivenBack()
    old, new = Message(5), Message(5)
    given_back.add([Message(3)])
    given_back.void([old])

    assert given_back.is_void(old)
    assert not given_back.is_void(new)
    assert not given_back.blocks([Message(9)])
