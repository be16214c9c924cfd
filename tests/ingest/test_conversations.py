"""Conversations as their people open, hold and read them; what the views would say the tests write themselves."""

from contextlib import suppress

import pytest

from local.stack import Stack
from schemas import conversations as view
from schemas import ids, projections
from schemas.facts import ConversationStarted, MessageSent, MessagesRead
from schemas.problems import Refusal
from schemas.settings import Settings
from tests import talks
from tests.ingest import talking
from tests.ingest.recorded import fact_of, position
from tests.ingest.world import Person, World

WHERE = "/v1/conversations"


async def people(world: World, *names: str) -> list[Person]:
    return [await world.person(name) for name in names]


async def test_the_same_people_have_one_conversation_whoever_asks(world: World, parts: Stack) -> None:
    ana, ben, cleo = await people(world, "ana", "ben", "cleo")

    first = await world.post(WHERE, ana, recipients=[ben.user])
    others = await world.post(WHERE, ben, recipients=[ana.user, ben.user, ana.user])
    three = await world.post(WHERE, ana, recipients=[cleo.user, ben.user])

    fact, told = fact_of(parts.settings, first), first.json()["conversation"]
    assert isinstance(fact, ConversationStarted)
    assert {first.status_code, others.status_code, three.status_code} == {201}
    assert told == others.json()["conversation"]
    assert (fact.conversation, list(fact.members)) == (told["id"], told["members"])
    assert set(told["members"]) == {ana.user, ben.user}
    assert ids.bucket(fact.conversation) == ids.bucket(ana.user), "who opens it has it"
    assert "x-position" not in others.headers, "it is opened once"
    assert three.json()["conversation"]["id"] != told["id"]


async def test_who_lost_the_lease_is_told_the_conversation_that_views_know(world: World, parts: Stack) -> None:
    ana, ben = await people(world, "ana", "ben")
    first = await world.post(WHERE, ana, recipients=[ben.user])
    fact = fact_of(parts.settings, first)
    assert isinstance(fact, ConversationStarted)

    await world.redis.delete(projections.command_lease(fact.id))
    await world.redis.set(projections.entity(fact.id), fact.conversation)
    again = await world.post(WHERE, ben, recipients=[ana.user])

    assert again.json() == first.json()
    assert "x-position" not in again.headers


async def test_who_is_not_there_and_who_is_hidden_are_told_alike(world: World) -> None:
    ana, ben, cleo = await people(world, "ana", "ben", "cleo")
    assert (await world.post(WHERE, ana, recipients=[ben.user])).status_code == 201
    await talking.block(world, ben, ana)

    answers = [
        await world.post(WHERE, ana, recipients=[ben.user]),
        await world.post(WHERE, ben, recipients=[ana.user]),
        await world.post(WHERE, ana, recipients=[cleo.user, ben.user]),
        await world.post(WHERE, ana, recipients=["7"]),
    ]

    assert {(answer.status_code, answer.json()["code"], answer.json()["detail"]) for answer in answers} == {
        (404, "not_found", "there is no such user")
    }


async def test_a_message_is_a_fact_of_its_conversation(world: World, parts: Stack) -> None:
    ana, ben = await people(world, "ana", "ben")
    conversation = await talking.opened(world, ana, ben)

    answer = await talking.said(world, conversation, ben, "cafe\u0301 <b>")
    later = await talking.said(world, conversation, ana)

    fact, told = fact_of(parts.settings, answer), answer.json()["message"]
    assert isinstance(fact, MessageSent)
    assert (answer.status_code, fact.by, fact.conversation) == (201, ben.user, conversation)
    assert (told["id"], told["text"]) == (fact.message, fact.personal.text) == (fact.message, "caf\u00e9 <b>")
    assert set(fact.members) == {ana.user, ben.user}
    assert ids.bucket(fact.message) == ids.bucket(conversation), "where it lives"
    assert position(answer).partition == position(later).partition, "what makes it one order"


async def test_a_message_that_is_retried_is_said_once(world: World, parts: Stack) -> None:
    ana, ben = await people(world, "ana", "ben")
    conversation = await talking.opened(world, ana, ben)

    first = await talking.said(world, conversation, ana, key="k")
    again = await talking.said(world, conversation, ana, key="k")
    other = await talking.said(world, conversation, ana, "Sun!", key="k")
    fact = fact_of(parts.settings, first)
    assert isinstance(fact, MessageSent)
    await world.redis.delete(projections.command_lease(fact.id))
    await world.redis.set(projections.entity(fact.id), await talking.message(world, conversation, ana))
    known = await talking.said(world, conversation, ana, key="k")

    assert first.json() == again.json()
    assert "x-position" not in again.headers
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert known.json()["message"]["id"] == talks.a_message(conversation)


@pytest.mark.parametrize("is_blocker", [True, False])
async def test_a_block_stops_two_and_not_three(world: World, is_blocker: bool) -> None:
    ana, ben, cleo = await people(world, "ana", "ben", "cleo")
    two, three = await talking.opened(world, ana, ben), await talking.opened(world, ana, ben, cleo)
    message = await talking.message(world, two, ben)
    await (talking.block(world, ana, ben) if is_blocker else talking.block(world, ben, ana))

    stopped, heard = await talking.said(world, two, ana), await talking.said(world, three, ana)
    hidden = await talking.read(world, two, ana, message=message)

    assert (stopped.status_code, stopped.json()["code"], heard.status_code) == (403, "forbidden", 201)
    assert hidden.status_code == 404


async def test_to_a_stranger_there_is_no_conversation(world: World) -> None:
    ana, ben, cleo = await people(world, "ana", "ben", "cleo")
    conversation = await talking.opened(world, ana, ben)
    message = await talking.message(world, conversation, ana)

    answers = [
        await talking.said(world, conversation, cleo),
        await talking.read(world, conversation, cleo, message=message),
        await talking.said(world, talks.a_conversation(cleo.user, ana.user), cleo),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not_found")}


async def test_who_writes_without_end_has_to_wait_and_others_need_not(world: World) -> None:
    ana, ben = await people(world, "ana", "ben")
    conversation = await talking.opened(world, ana, ben)
    with suppress(Refusal):
        for _ in range(10 * Settings().message_burst):
            world.room.doors.chat_pace.take(ana.user)

    many, another = await talking.said(world, conversation, ana), await world.post(WHERE, ana, recipients=[ben.user])
    others = await talking.said(world, conversation, ben)

    assert {(answer.status_code, answer.json()["code"]) for answer in (many, another)} == {(429, "rate_limited")}
    assert 1 <= int(many.headers["retry-after"]) <= 2
    assert others.status_code == 201


async def test_reading_is_a_fact_as_long_as_it_goes_further(world: World, parts: Stack) -> None:
    ana, ben = await people(world, "ana", "ben")
    conversation = await talking.opened(world, ana, ben)
    first, second = [await talking.message(world, conversation, ben, number) for number in (1, 2)]

    answer = await talking.read(world, conversation, ana, message=first)
    fact = fact_of(parts.settings, answer)
    await world.redis.zadd(view.marks(conversation), {ana.user: 2})
    older = await talking.read(world, conversation, ana, message=second)
    nothing = await talking.read(world, conversation, ana, message=talks.a_message(conversation, 9))
    odd = await talking.read(world, conversation, ana, message="seven")

    assert isinstance(fact, MessagesRead)
    assert (answer.status_code, fact.by, fact.message) == (204, ana.user, first)
    assert (older.status_code, "x-position" in older.headers) == (204, False)
    assert nothing.status_code == 404
    assert (odd.status_code, odd.json()["code"]) == (422, "bad_id")
