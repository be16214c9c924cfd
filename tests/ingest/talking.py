"""Conversations as the views say them, and what people do in them."""

from typing import Any

import httpx

from schemas import conversations as view
from schemas import hashes, projections
from schemas.conversations import Message
from schemas.ids import ConversationId, MessageId
from tests import talks
from tests.builders import NOON
from tests.ingest.world import Person, World


async def opened(world: World, *people: Person) -> ConversationId:
    """As the views say it after somebody opened it."""
    conversation = talks.a_conversation(*(person.user for person in people))
    await world.redis.sadd(view.members(conversation), *(person.user for person in people))
    return conversation


async def message(
    world: World, conversation: ConversationId, by: Person, number: int = 1, text: str = "Fog!"
) -> MessageId:
    """As the views say it after a message, which stands at the offset `number`."""
    made = talks.a_message(conversation, number)
    said = Message(author=by.user, text=text, posted_at=NOON)
    await world.redis.hset(view.message(conversation, made), mapping=hashes.fields(said))
    await world.redis.zadd(view.messages(conversation), {made: number})
    return made


async def block(world: World, one: Person, other: Person) -> None:
    """As the views say it after one blocked the other."""
    await world.redis.sadd(projections.blocks(one.user), other.user)
    await world.redis.sadd(projections.blocked_by(other.user), one.user)


async def said(
    world: World, conversation: ConversationId, by: Person, text: str = "Fog!", key: str | None = None
) -> httpx.Response:
    headers = {**by.headers, **({"idempotency-key": key} if key else {})}
    return await world.http.post(f"/v1/conversations/{conversation}/messages", json={"text": text}, headers=headers)


async def read(world: World, conversation: ConversationId, by: Person, **members: Any) -> httpx.Response:
    return await world.http.post(f"/v1/conversations/{conversation}/read", json=members, headers=by.headers)
