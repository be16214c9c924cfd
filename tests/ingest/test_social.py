"""The graph as its people change it; what the views would say of it is written by the tests themselves."""

from collections import Counter
from typing import Any

import httpx
import pytest

from local.stack import Stack
from schemas import projections
from schemas.facts import (
    FollowAccepted,
    FollowDeclined,
    FollowerRemoved,
    FollowRequested,
    PreferencesChanged,
    RollLeft,
    RollMemberRemoved,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from tests.ingest.recorded import fact_of, facts_by, position
from tests.ingest.world import World


async def test_following_and_unfollowing_are_facts_of_the_follower(world: World, parts: Stack) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")

    follow = await world.post(f"/v1/users/{ana.user}/follow", ben)
    unfollow = await world.delete(f"/v1/users/{ana.user}/follow", ben)
    oneself = await world.post(f"/v1/users/{ben.user}/follow", ben)

    facts = [fact_of(parts.settings, answer) for answer in (follow, unfollow)]
    assert [type(fact) for fact in facts] == [UserFollowed, UserUnfollowed]
    assert [answer.json()["you_follow"] for answer in (follow, unfollow)] == [True, False]
    assert position(follow).partition == position(unfollow).partition, "or they could change places"
    assert (oneself.status_code, oneself.json()["code"]) == (422, "self_follow")


async def test_a_private_account_is_asked_and_answers(world: World, parts: Stack) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    await world.redis.hset(projections.profile(ana.user), "visibility", "private")

    ask = await world.post(f"/v1/users/{ana.user}/follow", ben)
    early = await world.post(f"/v1/follow-requests/{ben.user}/accept", ana)
    await world.redis.sadd(projections.follow_requests(ana.user), ben.user)
    accept = await world.post(f"/v1/follow-requests/{ben.user}/accept", ana)
    decline = await world.post(f"/v1/follow-requests/{ben.user}/decline", ana)
    cheat = await world.post(f"/v1/follow-requests/{ana.user}/accept", ben)

    assert ask.json() == {"user": {"id": ana.user}, "you_follow": False, "you_requested": True}
    assert [answer.status_code for answer in (early, accept, decline, cheat)] == [404, 200, 204, 404]
    facts = [fact_of(parts.settings, answer) for answer in (ask, accept, decline)]
    assert [type(fact) for fact in facts] == [FollowRequested, FollowAccepted, FollowDeclined]
    assert len({position(answer).partition for answer in (ask, accept, decline)}) == 1


async def test_a_follower_is_removed(world: World, parts: Stack) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")

    none = await world.delete(f"/v1/me/followers/{ben.user}", ana)
    await world.redis.sadd(projections.followers(ana.user), ben.user)
    removed = await world.delete(f"/v1/me/followers/{ben.user}", ana)

    fact = fact_of(parts.settings, removed)
    assert isinstance(fact, FollowerRemoved)
    assert (fact.by, fact.whom) == (ana.user, ben.user)
    assert (none.status_code, removed.status_code, "x-position" in none.headers) == (204, 204, False)


async def test_a_block_hides_and_ends_everything_between_the_two(world: World, parts: Stack) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    for owner, others in ((ana, (ben,)), (ben, (ana,)), (cleo, (ana, ben))):
        roll = await world.roll(owner, *others)
        for member in (owner, *others):
            await world.redis.sadd(projections.user_rolls(member.user), roll)

    answer = await world.post(f"/v1/users/{ben.user}/block", ana)

    assert answer.json() == {"user": {"id": ben.user}, "you_block": True}
    assert isinstance(fact_of(parts.settings, answer), UserBlocked)
    assert Counter(map(type, facts_by(parts.settings, ana.user))) == Counter(
        (UserBlocked, UserUnfollowed, FollowerRemoved, RollMemberRemoved, RollLeft)
    ), "nobody leaves the third one's roll"


async def test_a_block_is_not_told_to_whom_it_hides(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    await world.redis.sadd(projections.blocked_by(ben.user), ana.user)

    async def told(whom: str) -> list[tuple[int, Any]]:
        tries = [await world.http.request(method, path.format(whom), headers=ben.headers) for method, path in HIDING]
        return [(answer.status_code, scrubbed(answer)) for answer in tries]

    assert await told(ana.user) == await told("4242")
    assert {status for status, _ in await told(ana.user)} == {404}


HIDING = [
    (method, f"/v1/users/{{}}/{what}") for method in ("POST", "DELETE") for what in ("follow", "block", "mute")
] + [("POST", "/v1/follow-requests/{}/accept"), ("DELETE", "/v1/me/followers/{}")]


def scrubbed(answer: httpx.Response) -> dict[str, Any]:
    return {**answer.json(), "request_id": "", "instance": ""}


async def test_blocks_and_mutes_are_taken_back(world: World, parts: Stack) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")

    answers = [
        await world.post(f"/v1/users/{ben.user}/mute", ana),
        await world.delete(f"/v1/users/{ben.user}/mute", ana),
        await world.delete(f"/v1/users/{ben.user}/block", ana),
    ]

    kinds = [type(fact_of(parts.settings, answer)) for answer in answers]
    assert kinds == [UserMuted, UserUnmuted, UserUnblocked]
    assert [answer.json().get("you_mute") for answer in answers] == [True, False, None]


@pytest.mark.parametrize("visibility", ["private", "public"])
async def test_preferences_are_set_as_a_whole(world: World, parts: Stack, visibility: str) -> None:
    ana = await world.person("ana")

    answer = await world.http.put("/v1/me/preferences", json={"visibility": visibility}, headers=ana.headers)
    empty = await world.http.put("/v1/me/preferences", json={}, headers=ana.headers)
    odd = await world.http.put("/v1/me/preferences", json={"visibility": "secret"}, headers=ana.headers)

    fact = fact_of(parts.settings, answer)
    assert isinstance(fact, PreferencesChanged)
    assert (fact.by, fact.visibility, answer.json()) == (
        ana.user, visibility, {"preferences": {"visibility": visibility}},
    )  # fmt: skip
    assert (empty.status_code, odd.status_code) == (422, 422)


async def test_nobody_shuns_themselves(world: World) -> None:
    ana = await world.person("ana")

    codes = [(await world.post(f"/v1/users/{ana.user}/{what}", ana)).json()["code"] for what in ("block", "mute")]

    assert codes == ["self_target", "self_target"]
