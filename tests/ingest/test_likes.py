"""Likes as their people give them; what the views would say of photos is written by the tests themselves."""

import pytest

from local.stack import Stack
from schemas import hashes, projections
from schemas.facts import PhotoLiked, PhotoUnliked
from schemas.hashes import Card
from tests.ingest.recorded import fact_of, position
from tests.ingest.world import World


async def test_a_like_and_its_end_are_facts_beside_the_photo(world: World, parts: Stack) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ana)

    like = await world.put(f"/v1/photos/{photo}/like", ben)
    unlike = await world.delete(f"/v1/photos/{photo}/like", ben)
    own = await world.put(f"/v1/photos/{photo}/like", ana)

    facts = [fact_of(parts.settings, answer) for answer in (like, unlike, own)]
    assert [type(fact) for fact in facts] == [PhotoLiked, PhotoUnliked, PhotoLiked]
    assert [fact.by for fact in facts] == [ben.user, ben.user, ana.user]
    assert like.json() == {"photo": {"id": photo}, "you_like": True}
    assert unlike.json() == {"photo": {"id": photo}, "you_like": False}
    assert len({position(answer).partition for answer in (like, unlike, own)}) == 1, "or they could change places"


@pytest.mark.parametrize("hides", ["sealed", "deleted", "blocks", "is blocked", "private account", "private roll"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_what_one_does_not_see_is_not_there(world: World, method: str, hides: str) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    roll = await world.roll(ana) if hides == "private roll" else None
    visibility = "private" if roll else "public"
    photo = await world.photo(ana, roll, visibility, is_revealed=hides != "sealed")  # type: ignore[arg-type]
    match hides:
        case "deleted":
            await world.redis.hset(projections.card(photo), "deleted_at", "2026-11-21T12:00:00Z")
        case "blocks":
            await world.redis.sadd(projections.blocks(ben.user), ana.user)
        case "is blocked":
            await world.redis.sadd(projections.blocked_by(ben.user), ana.user)
        case "private account":
            await world.redis.hset(projections.profile(ana.user), "visibility", "private")

    hidden = await world.http.request(method, f"/v1/photos/{photo}/like", headers=ben.headers)
    missing = await world.http.request(method, "/v1/photos/4242/like", headers=ben.headers)

    scrubbed = [{**answer.json(), "request_id": "", "instance": ""} for answer in (hidden, missing)]
    assert scrubbed[0] == scrubbed[1]
    assert (hidden.status_code, scrubbed[0]["code"]) == (404, "not_found")


async def test_members_and_followers_see_what_strangers_do_not(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    roll = await world.roll(ana, ben)
    shared = await world.photo(ana, roll, "private")
    assert (await world.put(f"/v1/photos/{shared}/like", ben)).status_code == 200

    await world.redis.srem(projections.members(roll), ben.user)
    assert (await world.put(f"/v1/photos/{shared}/like", ben)).status_code == 404

    await world.redis.hset(projections.profile(ana.user), "visibility", "private")
    await world.redis.sadd(projections.following(ben.user), ana.user)
    await world.redis.hdel(projections.card(shared), "roll")
    await world.redis.hset(projections.card(shared), mapping=hashes.fields(Card(visibility="public")))
    assert (await world.put(f"/v1/photos/{shared}/like", ben)).status_code == 200
