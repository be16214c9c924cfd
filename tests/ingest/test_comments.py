"""Comments as their people post and delete them; what the views would say is written by the tests themselves."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from local.stack import Stack
from schemas import ids, projections
from schemas.facts import CommentDeleted, CommentPosted
from schemas.ids import CommentId, PhotoId
from schemas.problems import Refusal
from schemas.settings import Settings
from tests.ingest.recorded import fact_of, position
from tests.ingest.world import Person, World

COMMENTS = Settings().comment_burst


async def said(
    world: World, photo: PhotoId, by: Person, text: str = "Fog!", key: str | None = None, **members: Any
) -> httpx.Response:
    headers = {**by.headers, **({"idempotency-key": key} if key else {})}
    return await world.http.post(f"/v1/photos/{photo}/comments", json={"text": text, **members}, headers=headers)


async def test_a_comment_is_a_fact_beside_the_photo(world: World, parts: Stack) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ana)

    answer = await said(world, photo, ben, "cafe\u0301 <b>")

    fact, told = fact_of(parts.settings, answer), answer.json()["comment"]
    assert answer.status_code == 201
    assert isinstance(fact, CommentPosted)
    assert (fact.photo, fact.by, fact.personal.text) == (photo, ben.user, "caf\u00e9 <b>")
    assert (told["id"], told["text"], told["reply_to"]) == (fact.comment, "caf\u00e9 <b>", None)
    assert ids.bucket(fact.comment) == ids.bucket(photo), "where it lives"
    like = await world.put(f"/v1/photos/{photo}/like", ben)
    assert position(answer).partition == position(like).partition


async def test_a_retry_with_its_key_is_answered_with_the_same_comment_and_appends_nothing(world: World) -> None:
    ana = await world.person()
    photo, other = await world.photo(ana), await world.photo(await world.person("ben"))

    answers = [await said(world, photo, ana, key="k") for _ in range(3)]
    elsewhere = await said(world, other, ana, key="k")

    assert len({answer.text for answer in answers}) == 1
    assert ["x-position" in answer.headers for answer in answers] == [True, False, False]
    assert elsewhere.json()["comment"]["id"] != answers[0].json()["comment"]["id"], "a key belongs to one photo"


async def test_a_retry_whose_lease_was_lost_is_answered_by_the_views(world: World, parts: Stack) -> None:
    ana = await world.person()
    photo = await world.photo(ana)
    fact = fact_of(parts.settings, await said(world, photo, ana, key="k"))
    await world.redis.delete(projections.command_lease(fact.id))
    comment = await world.comment(photo, ana, "Fog!")
    await world.redis.set(projections.entity(fact.id), comment)

    answer = await said(world, photo, ana, key="k")
    await world.redis.delete(projections.command_lease(fact.id))
    await world.redis.hset(projections.comment(photo, comment), "deleted_at", "2026-11-21T12:00:00Z")
    gone = await said(world, photo, ana, key="k")

    assert (answer.status_code, answer.json()["comment"]["id"]) == (201, comment)
    assert answer.json()["comment"]["text"] == "Fog!"
    assert gone.status_code == 404


async def test_a_reply_names_a_comment_of_the_same_photo_that_one_sees(world: World, parts: Stack) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    photo, other = await world.photo(ana), await world.photo(cleo)
    parent = await world.comment(photo, ben)

    reply = await said(world, photo, cleo, reply_to=parent)
    elsewhere = await said(world, other, cleo, reply_to=parent)
    nowhere = await said(world, photo, cleo, reply_to="7")
    odd = await said(world, photo, cleo, reply_to="seven")
    await world.redis.sadd(projections.blocked_by(cleo.user), ben.user)
    blocked = await said(world, photo, cleo, reply_to=parent)

    fact = fact_of(parts.settings, reply)
    assert isinstance(fact, CommentPosted)
    assert fact.reply_to == reply.json()["comment"]["reply_to"] == parent
    assert [answer.status_code for answer in (elsewhere, nowhere, blocked)] == [404] * 3
    assert (odd.status_code, odd.json()["code"]) == (422, "bad_id")


async def test_a_reply_comes_after_what_it_replies_to_whatever_the_clocks_say(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ana)
    tomorrow = ids.compose(datetime.now(UTC) + timedelta(days=1), 63, ids.SEQUENCES - 1)
    parent = await world.comment(photo, ben, id=CommentId(tomorrow))

    reply = await said(world, photo, ana, reply_to=parent)
    other = await said(world, photo, ana)

    assert int(reply.json()["comment"]["id"]) > int(parent) > int(other.json()["comment"]["id"])


async def test_a_comment_is_deleted_by_who_wrote_it_or_took_the_photo(world: World, parts: Stack) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    photo = await world.photo(ana)
    comment = await world.comment(photo, ben)
    path = f"/v1/photos/{photo}/comments/{comment}"

    cleos = await world.delete(path, cleo)
    bens, anas = await world.delete(path, ben), await world.delete(path, ana)
    await world.redis.hset(projections.comment(photo, comment), "deleted_at", "2026-11-21T12:00:00Z")
    again = await world.delete(path, ben)

    assert [answer.status_code for answer in (cleos, bens, anas, again)] == [404, 204, 204, 204]
    facts = [fact_of(parts.settings, answer) for answer in (bens, anas)]
    assert [(type(fact), fact.by) for fact in facts] == [(CommentDeleted, ben.user), (CommentDeleted, ana.user)]
    assert "x-position" not in again.headers


async def test_what_is_said_where_one_was_shut_out_can_be_taken_back(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ana)
    comment = await world.comment(photo, ben)
    await world.redis.sadd(projections.blocked_by(ben.user), ana.user)

    assert (await said(world, photo, ben)).status_code == 404
    assert (await world.delete(f"/v1/photos/{photo}/comments/{comment}", ben)).status_code == 204


async def test_an_id_of_a_comment_that_is_none_is_refused(world: World) -> None:
    ana = await world.person()
    photo = await world.photo(ana)

    answer = await world.delete(f"/v1/photos/{photo}/comments/{CommentId('x')}", ana)

    assert (answer.status_code, answer.json()["code"]) == (422, "bad_id")


async def test_who_comments_without_end_has_to_wait_and_others_need_not(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ana)
    with suppress(Refusal):
        for _ in range(10 * COMMENTS):
            world.room.doors.pace.take(ana.user)

    many, others = await said(world, photo, ana), await said(world, photo, ben)

    assert (many.status_code, many.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(many.headers["retry-after"]) <= 11
    assert others.status_code == 201
