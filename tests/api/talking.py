"""Conversations as processors would have written them, in the world of api tests."""

from datetime import timedelta

from schemas import conversations as view
from schemas.conversations import Message
from schemas.ids import ConversationId, MessageId, UserId
from tests import talks
from tests.api.world import NOON, World


async def opened(world: World, by: UserId, *others: UserId) -> ConversationId:
    conversation = talks.a_conversation(by, *others)
    await world.redis.sadd(view.members(conversation), by, *others)
    await listed(world, by, conversation, 0)
    return conversation


async def said(world: World, by: UserId, conversation: ConversationId, offset: int, text: str = "Fog!") -> MessageId:
    """At that offset of the log, and so many seconds after noon; ids run against it, since they order nothing."""
    message = talks.a_message(conversation, 10_000 - offset)
    at = NOON + timedelta(seconds=offset)
    await world.save(view.message(conversation, message), Message(author=by, text=text, posted_at=at))
    for key in (view.messages(conversation), view.said(conversation, by)):
        await world.redis.zadd(key, {message: offset})
    for member in await world.redis.smembers(view.members(conversation)):
        await listed(world, UserId(str(member)), conversation, offset)
    return message


async def listed(world: World, user: UserId, conversation: ConversationId, offset: int) -> None:
    moment = view.moment(NOON + timedelta(seconds=offset))
    await world.redis.zadd(view.inbox(user), {conversation: moment}, gt=True)


async def read(world: World, by: UserId, conversation: ConversationId, offset: int) -> None:
    await world.redis.zadd(view.marks(conversation), {by: offset}, gt=True)


async def unread(world: World, reader: UserId) -> dict[str, int]:
    """By conversation."""
    page = (await world.get("/v1/conversations", reader)).json()
    return {item["id"]: item["unread"] for item in page["items"]}
