"""Conversations: opened once for the same people, spoken in by who takes part, read up to somewhere."""

from datetime import datetime
from typing import Any

from ingest.command import Call, Command, Done, accepted
from ingest.doors import Doors
from ingest.idempotency import Attempt, Made, once
from ingest.rules import conversations as rules
from ingest.rules.conversations import OpenConversation, PostMessage, ReadConversation
from schemas import ids
from schemas.facts import ConversationStarted, MessageSent
from schemas.ids import ConversationId, FactId, MessageId, UserId
from schemas.problems import refusal

MANY_IDS_BYTES = 256_000  # ten thousand ids are read, to be told that they are too many


async def open_conversation(doors: Doors, call: Call) -> Done:
    """The conversation of the caller and these people: the same one whoever of them asks, and however often."""
    everyone = accepted(rules.members(call.body, call.by))
    _ = call.idempotency_key  # it need not come: who takes part is what makes a conversation unique
    opened = await _opened(doors, call, everyone)
    attempt = Attempt(opened.id, ConversationStarted, "", call.at, call.trace)

    async def decided() -> ConversationStarted:
        doors.chat_pace.take(call.by)
        return opened

    made = await once(doors, attempt, decided)
    conversation = made.fact.conversation if made.fact else ConversationId(made.entity or "")
    return Done(201, _told(conversation, everyone), made.positions)


async def _opened(doors: Doors, call: Call, everyone: tuple[UserId, ...]) -> ConversationStarted:
    """Also where it is opened already: whom a block hides is not there."""
    known, hidden = await doors.projections.among(everyone, call.by)
    bucket = ids.bucket(call.by)
    conversation = ConversationId(ids.compose(call.at, bucket, await doors.leases.sequence(bucket, call.at)))
    id = ids.command_fact_id("", "POST /v1/conversations", " ".join(everyone), ConversationStarted.__name__)
    decision = rules.decide_opening(
        everyone, known, hidden, conversation=conversation, id=id, by=call.by, at=call.at
    )  # fmt: skip
    return accepted(decision)


def _told(conversation: ConversationId, members: tuple[UserId, ...]) -> dict[str, Any]:
    return {"conversation": {"id": conversation, "members": members}}


async def post_message(doors: Doors, call: Call) -> Done:
    """The caller says something to the others, once per Idempotency-Key."""
    conversation = ConversationId(call.id())
    attempt = call.attempt(MessageSent, f"POST /v1/conversations/{conversation}/messages")
    made = await once(doors, attempt, lambda: _posted(doors, call, conversation, attempt.id))
    return Done(201, {"message": await _said(doors, conversation, made)}, made.positions)


async def _posted(doors: Doors, call: Call, conversation: ConversationId, id: FactId) -> MessageSent:
    doors.chat_pace.take(call.by)
    command: PostMessage = call.body
    known = await doors.projections.talk(conversation, call.by)
    bucket = ids.bucket(conversation)
    message = MessageId(ids.compose(call.at, bucket, await doors.leases.sequence(bucket, call.at)))
    decision = rules.decide_message(
        command, known, conversation=conversation, message=message, id=id, by=call.by, at=call.at
    )  # fmt: skip
    return accepted(decision)


async def _said(doors: Doors, conversation: ConversationId, made: Made[MessageSent]) -> dict[str, Any]:
    """What was posted; the views tell it to a retry whose lease was lost."""
    if (fact := made.fact) is not None:
        return _shown(fact.message, fact.personal.text, fact.at)
    id = MessageId(made.entity or "")
    known = await doors.projections.message(conversation, id)
    if known is None:
        raise refusal("not_found", "the message that this key posted is gone")
    return _shown(id, known.text, known.posted_at)


def _shown(id: MessageId, text: str, at: datetime) -> dict[str, Any]:
    return {"id": id, "text": text, "posted_at": at}


async def read_conversation(doors: Doors, call: Call) -> Done:
    """The caller has read up to this message, on whichever device; having read further stays."""
    conversation = ConversationId(call.id())
    command: ReadConversation = call.body
    known = await doors.projections.talk(conversation, call.by)
    mark = await doors.projections.mark(conversation, command.message, call.by)
    decision = rules.decide_reading(
        known, mark, conversation=conversation, message=command.message, id=call.fresh_fact_id(), by=call.by,
        at=call.at,
    )  # fmt: skip
    if decision is None:
        return Done(204)
    return Done(204, None, (await doors.log.fact(accepted(decision), call.trace),))


COMMANDS = (
    Command(
        "POST", "/v1/conversations", open_conversation, "signed in", "Open a conversation", takes=OpenConversation,
        status=201, max_bytes=MANY_IDS_BYTES,
        gives=_told(ConversationId("936236128473419783"), (UserId("934671189654798336"), UserId("934671189654798337"))),
    ),
    Command(
        "POST", "/v1/conversations/{id}/messages", post_message, "signed in", "Say something", takes=PostMessage,
        status=201,
        gives={
            "message": {
                "id": "936236128473419784", "text": "Tonight?", "posted_at": "2026-11-22T09:01:00Z",
            },
        },
    ),
    Command(
        "POST", "/v1/conversations/{id}/read", read_conversation, "signed in", "Say how far you have read",
        takes=ReadConversation, status=204,
    ),
)  # fmt: skip
