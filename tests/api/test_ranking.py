from datetime import timedelta

from api.ranking import VARIANTS, Candidate, Weights, ranked, weights
from schemas.ids import PhotoId, UserId
from tests.builders import NOON, a_photo, a_user

ANA, BEN = a_user("ana"), a_user("ben")
PLAIN = Weights(variant="plain", half_life=timedelta(hours=10), likes=1.0, comments=1.0, affinity=1.0)


def a_candidate(
    number: int, *, hours: float = 1, author: UserId = ANA, likes: int = 0, comments: int = 0, you_like: bool = False
) -> Candidate:
    photo = PhotoId(a_photo(ANA, number, NOON - timedelta(hours=hours)))
    return Candidate(photo=photo, author=author, likes=likes, comments=comments, you_like=you_like)


def places(*candidates: Candidate, by: Weights = PLAIN) -> list[int]:
    """The arguments' numbers, best first."""
    order = ranked(candidates, by, NOON)
    return [[one.photo for one in candidates].index(photo) for photo in order]


def test_of_equals_the_newer_one_is_first() -> None:
    assert places(a_candidate(1), a_candidate(3), a_candidate(2)) == [1, 2, 0]


def test_what_is_liked_or_talked_of_rises() -> None:
    assert places(a_candidate(3), a_candidate(2, likes=2), a_candidate(1, likes=9)) == [2, 1, 0]
    assert places(a_candidate(2), a_candidate(1, comments=3)) == [1, 0]


def test_age_takes_half_of_it_per_half_life() -> None:
    once, twice = a_candidate(1, hours=12, likes=2), a_candidate(2, hours=1)  # worth 2.1 and 1.0, 11 hours apart

    assert places(once, twice) == [1, 0]
    assert places(at_age(once, 10), twice) == [0, 1]


def test_whose_photos_the_reader_likes_rises_as_a_whole() -> None:
    liked = [a_candidate(n, author=BEN, you_like=n > 1) for n in (1, 2)]

    assert places(a_candidate(9), *liked)[-1] == 0


def test_a_session_has_one_variant_and_sessions_have_all() -> None:
    sessions = [f"session {n}" for n in range(40)]

    assert [weights(each) for each in sessions] == [weights(each) for each in sessions]
    assert {weights(each).variant for each in sessions} == {each.variant for each in VARIANTS}


def at_age(one: Candidate, hours: float) -> Candidate:
    return a_candidate(1, hours=hours, author=one.author, likes=one.likes)
