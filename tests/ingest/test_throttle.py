import pytest

from ingest.throttle import COMMENT_EARNED_S, EARNED_S, Pace, Throttle
from schemas.problems import Refusal


class Hours:
    """A clock that stands until it is moved."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hours:
    return Hours()


@pytest.fixture
def three(clock: Hours) -> Throttle:
    """Three tries, all of which have failed at one address."""
    found = Throttle(3, clock)
    for _ in range(3):
        found.expect_left("here")
        found.failed("here")
    return found


def test_beyond_its_tries_an_address_waits_until_one_is_earned(three: Throttle, clock: Hours) -> None:
    with pytest.raises(Refusal) as refused:
        three.expect_left("here")
    assert (refused.value.refused.code, refused.value.refused.retry_after_s) == ("too_many_attempts", EARNED_S + 1)

    clock.now += EARNED_S
    three.expect_left("here")
    three.failed("here")
    with pytest.raises(Refusal):
        three.expect_left("here")


def test_other_addresses_are_not_concerned(three: Throttle) -> None:
    three.expect_left("there")


def test_of_too_many_addresses_the_one_that_failed_longest_ago_is_forgotten(clock: Hours) -> None:
    throttle = Throttle(1, clock, most=2)
    for address in ("first", "second", "third"):
        throttle.failed(address)

    throttle.expect_left("first")
    for address in ("second", "third"):
        with pytest.raises(Refusal):
            throttle.expect_left(address)


def test_beyond_a_burst_a_person_comments_when_another_is_earned(clock: Hours) -> None:
    pace = Pace(2, clock)
    for _ in range(2):
        pace.take("ana")

    for _ in range(3):  # to ask too early costs nothing
        with pytest.raises(Refusal) as refused:
            pace.take("ana")
    assert (refused.value.refused.code, refused.value.refused.retry_after_s) == ("rate_limited", COMMENT_EARNED_S + 1)
    pace.take("ben")

    clock.now += COMMENT_EARNED_S
    pace.take("ana")
    with pytest.raises(Refusal):
        pace.take("ana")


def test_a_pace_may_be_quicker(clock: Hours) -> None:
    pace = Pace(1, clock, earned_s=1)
    pace.take("ana")

    clock.now += 1
    pace.take("ana")
    with pytest.raises(Refusal):
        pace.take("ana")


def test_of_too_many_people_the_one_who_posted_longest_ago_is_forgotten(clock: Hours) -> None:
    pace = Pace(1, clock, most=2)
    for person in ("first", "second", "third"):
        pace.take(person)

    with pytest.raises(Refusal):
        pace.take("third")
    pace.take("first")
