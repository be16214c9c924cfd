from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ingest.rules import social as rules
from ingest.rules.social import SetPreferences, Standing, decide_blocking, decide_following, decide_preferences
from schemas import facts
from schemas.facts import (
    FollowAccepted,
    FollowDeclined,
    FollowerRemoved,
    FollowRequested,
    RollLeft,
    RollMemberRemoved,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from schemas.hashes import Profile
from schemas.problems import Refused
from tests.builders import NOON, a_fact_id, a_roll, a_user

ANA, BEN = a_user("ana"), a_user("ben")
PUBLIC = Standing(Profile(username="ana", tz="UTC", registered_at=NOON))
PRIVATE = replace(PUBLIC, profile=replace(PUBLIC.profile, visibility="private"))
HIDDEN = (None, replace(PUBLIC, is_blocked=True), replace(PUBLIC, blocks=True))

Decide = Callable[..., Any]


def decided(decide: Decide, known: Standing | None, whom: str = "ana", **more: Any) -> Any:
    """What becomes of Ben's command about somebody."""
    return decide(known, a_user(whom), id=a_fact_id(), by=BEN, at=NOON, **more)


def test_ben_follows_ana() -> None:
    found = decided(decide_following, PUBLIC)

    assert isinstance(found, UserFollowed)
    assert (found.by, found.whom) == (BEN, ANA)


def test_a_private_account_is_asked_first() -> None:
    found = decided(decide_following, PRIVATE)

    assert isinstance(found, FollowRequested)
    assert (found.by, found.whom) == (BEN, ANA)


def test_who_follows_a_private_account_is_not_let_in_a_second_time() -> None:
    assert decided(decide_following, replace(PRIVATE, follows=True)) is None


def test_nobody_follows_themselves() -> None:
    assert decided(decide_following, PUBLIC, "ben").code == "self_follow"


NEEDS: dict[Decide, tuple[type[Any], dict[str, Any]]] = {  # what must be the case
    rules.decide_following: (UserFollowed, {}),
    rules.decide_unfollowing: (UserUnfollowed, {}),
    rules.decide_accepting: (FollowAccepted, {"is_asked": True}),
    rules.decide_declining: (FollowDeclined, {"is_asked": True}),
    rules.decide_removing: (FollowerRemoved, {"is_followed": True}),
    rules.decide_muting: (UserMuted, {}),
    rules.decide_unmuting: (UserUnmuted, {}),
}


@pytest.mark.parametrize("decide", NEEDS, ids=lambda decide: decide.__name__)
def test_each_command_is_the_fact_of_its_name(decide: Decide) -> None:
    kind, needs = NEEDS[decide]

    found = decided(decide, replace(PUBLIC, **needs))

    assert isinstance(found, kind)
    assert (found.by, found.whom) == (BEN, ANA)
    follower = ANA if isinstance(found, facts.FollowedFact) else BEN
    assert facts.aggregate(found) == follower, "all that becomes of a follow stands in order beside the follower"


@pytest.mark.parametrize("decide", NEEDS, ids=lambda decide: decide.__name__)
def test_whom_a_block_hides_is_not_there(decide: Decide) -> None:
    _, needs = NEEDS[decide]
    hidden = [known and replace(known, **needs) for known in HIDDEN]

    found = [decided(decide, known) for known in hidden]

    assert {each.code for each in found} == {"not_found"}
    assert len({each.detail for each in found}) == 1, "a block must not be told from nobody"


def test_a_request_is_answered_once() -> None:
    assert decided(rules.decide_accepting, replace(PRIVATE, is_followed=True)) is None
    assert decided(rules.decide_accepting, PRIVATE).code == "not_found"
    assert decided(rules.decide_declining, PRIVATE).code == "not_found"


def test_who_does_not_follow_need_not_be_removed() -> None:
    assert decided(rules.decide_removing, PUBLIC) is None


@pytest.mark.parametrize("decide", [rules.decide_unblocking, rules.decide_muting, rules.decide_unmuting])
def test_nobody_shuns_themselves(decide: Decide) -> None:
    assert decided(decide, PUBLIC, "ben").code == "self_target"


def blocking(known: Standing | None, whom: str = "ana", **owners: str) -> tuple[facts.Fact, ...] | Refused:
    rolls = {a_roll(number=int(name[1:])): a_user(owner) for name, owner in owners.items()}
    return decide_blocking(known, a_user(whom), rolls, id=a_fact_id(), by=BEN, at=NOON)


def test_a_block_comes_first_and_ends_both_follows() -> None:
    found = blocking(PUBLIC)

    assert isinstance(found, tuple)
    assert [type(fact) for fact in found] == [UserBlocked, UserUnfollowed, FollowerRemoved]
    assert [facts.aggregate(fact) for fact in found] == [BEN, BEN, ANA]


def test_a_block_parts_the_two_from_each_other_s_rolls() -> None:
    found = blocking(PUBLIC, r1="ben", r2="ana")

    assert isinstance(found, tuple)
    removed, left = found[3:]
    assert isinstance(removed, RollMemberRemoved)
    assert isinstance(left, RollLeft)
    assert (removed.roll, removed.whom, left.roll, left.by) == (a_roll(number=1), ANA, a_roll(number=2), BEN)
    assert len({fact.id for fact in found}) == 5


def test_who_blocks_already_may_do_it_again_and_mend_what_a_crash_left() -> None:
    assert isinstance(blocking(replace(PUBLIC, blocks=True)), tuple)
    assert isinstance(blocking(replace(PUBLIC, blocks=True, is_blocked=True)), tuple)


@pytest.mark.parametrize(
    ("known", "whom", "code"),
    [(None, "ana", "not_found"), (HIDDEN[1], "ana", "not_found"), (PUBLIC, "ben", "self_target")],
    ids=["nobody", "blocked by them", "oneself"],
)
def test_who_cannot_be_blocked(known: Standing | None, whom: str, code: str) -> None:
    found = blocking(known, whom)

    assert isinstance(found, Refused)
    assert found.code == code


def test_the_end_of_a_block_brings_nothing_back_and_is_harmless_where_there_was_none() -> None:
    ended, none = (decided(rules.decide_unblocking, known) for known in (replace(PUBLIC, blocks=True), PUBLIC))

    assert [type(fact) for fact in ended] == [UserUnfollowed, FollowerRemoved, UserUnblocked]
    assert [type(fact) for fact in none] == [UserUnblocked]
    assert {(fact.by, fact.whom) for fact in ended} == {(BEN, ANA)}
    assert [decided(rules.decide_unblocking, known).code for known in HIDDEN[:2]] == ["not_found"] * 2


def test_an_account_becomes_private() -> None:
    found = decide_preferences(SetPreferences(visibility="private"), id=a_fact_id(), by=BEN, at=NOON)

    assert (found.by, found.visibility) == (BEN, "private")
