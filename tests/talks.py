"""Builders of conversations, in the manner of `tests/builders/`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zlib import crc32

from schemas import ids
from schemas.facts import ConversationStarted, MessageSent, MessagesRead, MessageText
from schemas.ids import ConversationId, MessageId, UserId
from tests.builders import NOON, a_fact_id


def a_conversation(*members: UserId, bucket: int | None = None) -> ConversationId:
    """That of these people, in the bucket of the first of them, or another one."""
    drawn = crc32(" ".join(sorted(members)).encode()) % ids.SEQUENCES
    return ConversationId(ids.compose(NOON, ids.bucket(members[0]) if bucket is None else bucket, drawn))


def a_message(conversation: ConversationId, number: int = 1) -> MessageId:
    """The conversation's `number`-th message, in its bucket."""
    return MessageId(ids.compose(NOON, ids.bucket(conversation), number))


def conversation_opened(
    by: UserId, *others: UserId, conversation: ConversationId | None = None, at: datetime = NOON
) -> ConversationStarted:
    everyone = tuple(sorted((by, *others), key=int))
    return ConversationStarted(
        id=a_fact_id("talk", *everyone), at=at, by=by, conversation=conversation or a_conversation(*everyone),
        members=everyone,
    )  # fmt: skip


def message_posted(
    by: UserId, members: Sequence[UserId], number: int = 1, text: str = "Tonight?", at: datetime | None = None,
    conversation: ConversationId | None = None,
) -> MessageSent:  # fmt: skip
    """A second after the message with the number before."""
    everyone = tuple(sorted(members, key=int))
    where = conversation or a_conversation(*everyone)
    return MessageSent(
        id=a_fact_id("message", where, number), at=at or NOON + timedelta(seconds=number), by=by, conversation=where,
        message=a_message(where, number), members=everyone, personal=MessageText(text=text),
    )  # fmt: skip


def conversation_read(
    by: UserId, members: Sequence[UserId], number: int = 1, at: datetime = NOON, times: int = 1,
    conversation: ConversationId | None = None,
) -> MessagesRead:  # fmt: skip
    where = conversation or a_conversation(*sorted(members, key=int))
    return MessagesRead(
        id=a_fact_id("read", where, by, number, times), at=at, by=by, conversation=where,
        message=a_message(where, number),
    )  # fmt: skip
