"""What becomes of a roll and its members once it is open."""

from datetime import UTC, datetime, timedelta

import httpx

from local.stack import Stack
from schemas import hashes, ids, projections
from schemas.facts import RollClosed, RollInviteRevoked, RollLeft, RollMemberRemoved, RollRenamed
from tests.builders import NOON
from tests.ingest.recorded import fact_of, position
from tests.ingest.world import Person, World


async def test_an_invite_is_revoked_by_its_token(world: World, parts: Stack) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    roll, other = await world.roll(ana, ben), ids.compose(datetime(2021, 1, 1, tzinfo=UTC), 1, 1)
    key = await world.invite(roll, "secret")

    wrong = await world.http.delete(f"/v1/rolls/{roll}/invites/guess", headers=ana.headers)
    elsewhere = await world.http.delete(f"/v1/rolls/{other}/invites/secret", headers=ana.headers)
    bens = await world.http.delete(f"/v1/rolls/{roll}/invites/secret", headers=ben.headers)
    revoked = await world.http.delete(f"/v1/rolls/{roll}/invites/secret", headers=ana.headers)
    await world.redis.hset(key, "revoked_at", hashes.text(NOON))
    again = await world.http.delete(f"/v1/rolls/{roll}/invites/secret", headers=ana.headers)
    late = await world.post("/v1/invites/secret", await world.person("cleo"))

    assert [answer.status_code for answer in (wrong, elsewhere, bens, revoked, again, late)] == [
        404, 404, 403, 204, 204, 404,
    ]  # fmt: skip
    fact = fact_of(parts.settings, revoked)
    assert isinstance(fact, RollInviteRevoked)
    assert (fact.roll, projections.invite(fact.token_sha256)) == (roll, key)
    assert "x-position" not in again.headers


async def test_a_roll_is_renamed_and_closed_by_its_owner(world: World, parts: Stack) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    roll = await world.roll(ana, ben)

    renamed = await world.http.patch(f"/v1/rolls/{roll}", json={"name": "Porto"}, headers=ana.headers)
    bens = await world.http.patch(f"/v1/rolls/{roll}", json={"name": "Mine"}, headers=ben.headers)
    film = await world.http.patch(f"/v1/rolls/{roll}", json={"name": "A", "develop": "1s"}, headers=ana.headers)
    closed = await world.post(f"/v1/rolls/{roll}/close", ana)

    assert renamed.json()["roll"]["name"] == "Porto"
    assert isinstance(fact_of(parts.settings, renamed), RollRenamed)
    assert isinstance(fact_of(parts.settings, closed), RollClosed)
    assert (bens.json()["code"], film.json()["code"]) == ("forbidden", "unknown_field")
    assert position(renamed).partition == position(closed).partition


async def test_a_closed_roll_says_since_when_and_takes_nobody(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    roll = await world.roll(ana)
    await world.redis.hset(projections.roll(roll), "closed_at", hashes.text(NOON))
    await world.invite(roll, "secret")

    again = await world.post(f"/v1/rolls/{roll}/close", ana)
    refused = [await world.post(f"/v1/rolls/{roll}/invites", ana), await world.post("/v1/invites/secret", ben)]

    assert again.json()["roll"] == {"id": roll, "closed_at": "2026-11-21T12:00:00Z"}
    assert "x-position" not in again.headers
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(409, "roll_closed")] * 2


async def test_a_member_leaves_or_is_removed(world: World, parts: Stack) -> None:
    ana, ben, cleo, dan = [await world.person(name) for name in ("ana", "ben", "cleo", "dan")]
    roll = await world.roll(ana, ben, cleo)

    async def ends(whom: str, by: Person) -> httpx.Response:
        return await world.http.delete(f"/v1/rolls/{roll}/members/{whom}", headers=by.headers)

    left, named, removed = await ends("me", ben), await ends(cleo.user, cleo), await ends(ben.user, ana)
    stranger, owner, gone, odd = (
        await ends("me", dan), await ends("me", ana), await ends(dan.user, ana), await ends("you", ben),
    )  # fmt: skip

    facts = [fact_of(parts.settings, answer) for answer in (left, named, removed)]
    assert [type(fact) for fact in facts] == [RollLeft, RollLeft, RollMemberRemoved]
    assert [answer.status_code for answer in (left, named, removed, stranger, owner, gone, odd)] == [
        204, 204, 204, 404, 403, 204, 422,
    ]  # fmt: skip
    assert "x-position" not in gone.headers


async def test_whom_the_owner_removed_or_blocks_does_not_come_back_by_an_old_invite(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    roll = await world.roll(ana)
    await world.invite(roll, "old", created_at=NOON)
    await world.invite(roll, "new", created_at=NOON + timedelta(seconds=2))
    await world.redis.hset(projections.removed_members(roll), ben.user, hashes.text(NOON + timedelta(seconds=1)))
    await world.redis.sadd(projections.blocked_by(cleo.user), ana.user)

    answers = [
        await world.post(f"/v1/invites/{token}", who) for token, who in (("old", ben), ("new", ben), ("new", cleo))
    ]

    assert [answer.status_code for answer in answers] == [404, 200, 404]
