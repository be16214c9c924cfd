"""Facts about what people say to each other: conversations, their messages, and how far each has read."""

import msgspec

from schemas.facts.base import BaseFact
from schemas.ids import ConversationId, MessageId, UserId


class ConversationStarted(BaseFact, frozen=True, kw_only=True):
    """These people, `by` among them, have a conversation: one for each set of people, and the set stays as it is."""

    conversation: ConversationId
    members: tuple[UserId, ...]


class MessageText(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says to others."""

    text: str


class MessageSent(BaseFact, frozen=True, kw_only=True):
    """`by` says something to the others. The order of a conversation is that of these facts in the log."""

    conversation: ConversationId
    message: MessageId
    members: tuple[UserId, ...]  # of the conversation, so that each of their lists can be told by this fact alone
    personal: MessageText


class MessagesRead(BaseFact, frozen=True, kw_only=True):
    """`by` has read everything up to the message; that they have read further is never taken back."""

    conversation: ConversationId
    message: MessageId


ConversationFact = ConversationStarted | MessageSent | MessagesRead  # said among the members of one conversation
