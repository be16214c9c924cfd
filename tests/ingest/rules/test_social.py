from ingest.rules.social import decide_following, decide_unfollowing
from schemas.facts import UserFollowed, UserUnfollowed
from schemas.problems import Refused
from tests.builders import NOON, a_fact_id, a_user


def followed(whom: str, *, exists: bool = True) -> UserFollowed | Refused:
    return decide_following(a_user(whom), exists=exists, id=a_fact_id(), by=a_user("ben"), at=NOON)


def test_ben_follows_ana() -> None:
    found = followed("ana")

    assert isinstance(found, UserFollowed)
    assert (found.by, found.whom) == (a_user("ben"), a_user("ana"))


def test_nobody_follows_themselves_or_nobody() -> None:
    codes = [followed("ben"), followed("nobody", exists=False)]

    assert [found.code for found in codes if isinstance(found, Refused)] == ["self_follow", "not_found"]


def test_unfollowing_whom_one_does_not_follow_is_harmless() -> None:
    found = decide_unfollowing(a_user("ana"), exists=True, id=a_fact_id(), by=a_user("ben"), at=NOON)

    assert isinstance(found, UserUnfollowed)
