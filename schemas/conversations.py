"""Redis: the keys and hashes of conversations, in the manner of `schemas/projections.py`.

What is said stands in the bucket of the conversation, in the order of the log: a score is the offset of the record, so
53 bits are enough, and a replay gives the same. Each member's list of conversations stands in the member's own bucket.
"""

from datetime import datetime, timedelta

import msgspec

from schemas.ids import EPOCH, AnyId, ConversationId, MessageId, UserId, bucket
from schemas.projections import Key

MAX_OTHERS = 31  # whom one may speak to at once: each message is written to the list of everyone


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said in a conversation; codec: `schemas/hashes.py`."""

    author: UserId
    text: str
    posted_at: datetime


def members(conversation: ConversationId) -> Key:
    """SET of who takes part, as it was opened."""
    return _of(conversation, "vm")


def messages(conversation: ConversationId) -> Key:
    """ZSET of all messages, by their offset in the log."""
    return _of(conversation, "vo")


def said(conversation: ConversationId, author: UserId) -> Key:
    """ZSET of the messages of one member, by the same: what one does not see of others is not counted as unread."""
    return Key(f"{_of(conversation, 'vs')}:{author}")


def message(conversation: ConversationId, message: MessageId) -> Key:
    """HASH: `Message`."""
    return Key(f"{_of(conversation, 'vt')}:{message}")


def marks(conversation: ConversationId) -> Key:
    """ZSET of who has read, by the offset of the last message up to which they have."""
    return _of(conversation, "vr")


def inbox(user: UserId) -> Key:
    """ZSET of the user's conversations, by when (`moment`) the last message was posted, or they opened it."""
    return _of(user, "vi")


def moment(at: datetime) -> int:
    """Microseconds since 2020: an exact score for 280 years."""
    return (at - EPOCH) // timedelta(microseconds=1)


def _of(owner: AnyId, kind: str) -> Key:
    return Key(f"{{b{bucket(owner):02d}}}:{kind}:{owner}")
