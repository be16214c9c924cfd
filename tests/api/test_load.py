from api.load import SHEDS, Load, strain


def after(load: Load, *strains: float) -> list[int]:
    """The level after each beat."""
    levels = []
    for each in strains:
        load = load.after(each)
        levels.append(load.level)
    return levels


def test_what_lasts_sheds_and_what_passes_does_not() -> None:
    assert after(Load(), 9, 9, 0, 9, 9, 0, 0.9, 0.9, 0.9, 0.9) == [0] * 10
    assert after(Load(), 1.5, 1.5, 1.5) == [0, 0, 1]


def test_it_goes_at_once_as_far_as_the_strain_that_lasted() -> None:
    assert after(Load(), 7, 2.5, 9) == [0, 0, 2]
    assert after(Load(), 100, 100, 100, 100) == [0, 0, 3, 3]


def test_it_comes_back_one_by_one_after_two_seconds_of_half_the_strain() -> None:
    assert after(Load(3), *[0.0] * 12) == [3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0]


def test_between_half_the_strain_and_the_whole_nothing_changes() -> None:
    assert after(Load(1), *[0.6] * 20) == [1] * 20
    assert after(Load(2), *[1.2] * 20) == [2] * 20


def test_ranks_go_first_then_counts_then_length() -> None:
    assert [Load(level).shed for level in range(4)] == [(), SHEDS[:1], SHEDS[:2], SHEDS]
    assert SHEDS == ("ranking", "counters", "length")


def test_strain_is_the_longer_of_both_delays() -> None:
    assert strain(lag_s=0.1, worked_s=0.4, answer_s=0.01, bound_s=0.05) == 2
    assert strain(lag_s=0.0, worked_s=0.4, answer_s=0.2, bound_s=0.05) == 4


def test_a_machine_that_is_busy_with_others_is_no_strain_of_ours() -> None:
    assert strain(lag_s=0.4, worked_s=0.001, answer_s=0.4, bound_s=0.05) < 0.1


def test_without_a_bound_nothing_is_shed() -> None:
    assert strain(lag_s=9, worked_s=9, answer_s=9, bound_s=0) == 0
