import pytest

from ingest.rules.gradient import LEAST, LONGEST_LIMITED_S, MOST, TARGET_S, after, longest_s

COST_S = 0.0002  # of a request that begins; a shed one costs a tenth
TICK_S = 0.0001  # of a turn in which nothing comes


class Worker:
    """An event loop, as its limit sees it: what comes during one turn begins or is shed in the next."""

    def __init__(self) -> None:
        self.limit, self.waiting, self.begun, self.shed, self.standing_s = MOST, 0.0, 0.0, 0.0, 0.0
        self.turns: list[float] = []

    def serve(self, seconds: float, per_s: float) -> "Worker":
        """So many requests a second for so long; counts and turns of this time only."""
        self.begun = self.shed = passed = 0.0
        self.turns = []
        while passed < seconds:
            begun = min(self.waiting, self.limit, longest_s(self.limit) / COST_S)
            turn_s = TICK_S + begun * COST_S + (self.waiting - begun) * COST_S / 10
            self.limit = after(self.limit, int(begun), turn_s, self.standing_s)
            self.standing_s = self.standing_s + turn_s if turn_s > TARGET_S else 0.0
            self.begun, self.shed = self.begun + begun, self.shed + self.waiting - begun
            self.waiting, passed = per_s * turn_s, passed + turn_s
            self.turns.append(turn_s)
        return self


def test_below_saturation_nothing_is_shed() -> None:
    worker = Worker().serve(5, per_s=0.9 / COST_S)

    assert (worker.shed, worker.limit) == (0, MOST)


def test_a_burst_is_not_shed() -> None:
    worker = Worker()
    worker.waiting = 500

    worker.serve(2, per_s=0.5 / COST_S)

    assert worker.shed == 0


@pytest.mark.parametrize("times", [1.5, 2, 5])
def test_overload_is_shed_and_the_queue_stays_short(times: float) -> None:
    worker = Worker().serve(1, per_s=times / COST_S).serve(5, per_s=times / COST_S)

    assert worker.shed > 0
    assert sorted(worker.turns)[int(len(worker.turns) * 0.99)] < LONGEST_LIMITED_S
    best = 5 / COST_S * (1 - times / 10) / 0.9  # what is left of the time when the rest is shed
    assert worker.begun > 0.9 * best


def test_after_overload_all_begin_again_within_a_second() -> None:
    worker = Worker().serve(5, per_s=5 / COST_S).serve(1, per_s=0.5 / COST_S)

    assert worker.limit == MOST
    assert worker.serve(1, per_s=0.5 / COST_S).shed == 0


def test_a_long_turn_that_is_not_one_of_many_means_nothing() -> None:
    assert after(100, 100, 3.0, standing_s=0.0) == 100


def test_the_limit_never_closes_the_door() -> None:
    assert after(LEAST, 1, 60.0, standing_s=60.0) == LEAST


def test_a_limit_that_bound_nobody_is_found_from_what_did_begin() -> None:
    assert after(MOST, 1_000, 0.4, standing_s=1.0) == 100
    assert after(MOST, 100, 0.01, standing_s=1.0) == 50
