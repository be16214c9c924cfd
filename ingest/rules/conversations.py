"""Who may speak to whom, what may be said, and how far somebody has read."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from ingest.rules import words
from ingest.rules.social import NOBODY
from schemas.conversations import MAX_OTHERS
from schemas.facts import ConversationStarted, MessageSent, MessagesRead, MessageText
from schemas.ids import ConversationId, FactId, MessageId, UserId
from schemas.problems import Refused

NO_CONVERSATION = Refused("not_found", "there is no such conversation")
NO_MESSAGE = Refused("not_found", "there is no such message")
BLOCKED = Refused("forbidden", "the two of you do not speak to each other")


class OpenConversation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/conversations`: with whom. Oneself need not be named; who is named twice counts once."""

    recipients: list[UserId]


class PostMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/conversations/{id}/messages`."""

    text: str


class ReadConversation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/conversations/{id}/read`: up to which message, that one included."""

    message: MessageId


class Talk(msgspec.Struct, frozen=True):
    """A conversation as somebody stands to it: who takes part, and between whom and them there is a block."""

    members: frozenset[UserId]
    hidden: frozenset[UserId] = frozenset()

    def is_stopped(self, by: UserId) -> bool:
        """A block stops what two people say to each other; in a group it hides, and stops nobody."""
        return len(self.members) == 2 and bool(self.hidden & (self.members - {by}))


class Mark(msgspec.Struct, frozen=True):
    """Where a message stands in its conversation, and how far somebody has read it. None: nowhere."""

    message: int | None
    read: int | None


def members(command: OpenConversation, by: UserId) -> tuple[UserId, ...] | Refused:
    """Who would take part, in the order of their ids."""
    if len(command.recipients) > MAX_OTHERS + 1:  # they may name themselves
        return _too_many()
    everyone = {by, *command.recipients}
    if len(everyone) == 1:
        return words.wrong("bad_recipient", "/recipients", "name somebody else to speak to")
    if len(everyone) > MAX_OTHERS + 1:
        return _too_many()
    return tuple(sorted(everyone, key=int))


def _too_many() -> Refused:
    return words.wrong("too_many", "/recipients", f"a conversation has at most {MAX_OTHERS} recipients")


def decide_opening(
    members: Sequence[UserId], known: Collection[UserId], hidden: Collection[UserId], *,
    conversation: ConversationId, id: FactId, by: UserId, at: datetime,
) -> ConversationStarted | Refused:  # fmt: skip
    """The conversation of these people, if `by` sees all of them: they are `known`, and nobody is `hidden`."""
    if any(member not in known or member in hidden for member in members if member != by):
        return NOBODY
    return ConversationStarted(id=id, at=at, by=by, conversation=conversation, members=tuple(members))


def decide_message(
    command: PostMessage, known: Talk, *, conversation: ConversationId, message: MessageId, id: FactId, by: UserId,
    at: datetime,
) -> MessageSent | Refused:  # fmt: skip
    """The message, from who takes part and is not stopped."""
    if by not in known.members:
        return NO_CONVERSATION
    if known.is_stopped(by):
        return BLOCKED
    if refused := words.text_fault(command.text, "/text"):
        return refused
    everyone = tuple(sorted(known.members, key=int))
    said = MessageText(text=words.canonical(command.text) or "")
    return MessageSent(
        id=id, at=at, by=by, conversation=conversation, message=message, members=everyone, personal=said
    )  # fmt: skip


def decide_reading(
    known: Talk, mark: Mark, *, conversation: ConversationId, message: MessageId, id: FactId, by: UserId, at: datetime
) -> MessagesRead | Refused | None:
    """That `by` has read so far; None when they had read as far before. What is hidden is read by nobody."""
    if by not in known.members or known.is_stopped(by):
        return NO_CONVERSATION
    if mark.message is None:
        return NO_MESSAGE
    if mark.read is not None and mark.read >= mark.message:
        return None
    return MessagesRead(id=id, at=at, by=by, conversation=conversation, message=message)
