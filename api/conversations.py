"""GET /v1/conversations: who the reader talks with and what is new, and what is said. To strangers there is none.

Two people between whom there is a block see nothing of what they said, as long as it stands; in a larger circle they
see nothing of each other.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from api import paging
from api.cards import Author, author
from api.inbox import Said, Talk
from api.routes import PAGED, Asked, Page, Route
from api.standing import Around
from schemas.ids import ConversationId, MessageId, UserId
from schemas.problems import refusal
from schemas.visibility import UNSEEN


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says, as they typed it: whoever shows it escapes it."""

    id: MessageId
    author: Author
    text: str
    posted_at: datetime


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """`unread`: how many messages of others lie beyond the one that you last said you had read."""

    id: ConversationId
    members: tuple[Author, ...]
    last_message: Message | None
    unread: int


class ConversationPage(Page, frozen=True, kw_only=True):
    """Conversations, that with the latest message first."""

    items: tuple[Conversation, ...]


class MessagePage(Page, frozen=True, kw_only=True):
    """Messages, newest first."""

    items: tuple[Message, ...]


class Shown(msgspec.Struct, frozen=True):
    """A conversation that is not hidden from the reader, at its place in their list."""

    place: int
    talk: Talk
    hidden: frozenset[UserId]


async def conversations(asked: Asked) -> ConversationPage:
    """Your conversations, that with the latest message first; those with somebody who is hidden are left out."""
    known = Around({}, frozenset(), frozenset(), {}, {})

    async def look(edge: str | None, count: int) -> tuple[list[Shown], str | None]:
        nonlocal known
        beyond = int(edge) if edge else None
        found = await asked.room.projections.inbox.latest(asked.reader, beyond, count, is_back=asked.is_back)
        talks = await asked.room.projections.inbox.talks(asked.reader, [conversation for _, conversation in found])
        around = await _around(asked, talks)
        known = _both(known, around)
        placed = [Shown(at, talk, _hidden(talk, around)) for (at, _), talk in zip(found, talks, strict=True)]
        shown = [each for each in placed if _is_open(each.talk, each.hidden)]
        return shown, str(found[-1][0]) if len(found) == count else None

    leaf = await paging.turn(asked, look, lambda each: str(each.place))
    items = await _items(asked, leaf.shown, known)
    return ConversationPage(items=tuple(items), next_cursor=leaf.next_cursor, prev_cursor=leaf.prev_cursor)


async def _items(asked: Asked, shown: Sequence[Shown], around: Around) -> list[Conversation]:
    talks = [(each.talk, each.hidden) for each in shown]
    unread = await asked.room.projections.inbox.counts(asked.reader, talks)
    last = await asked.room.projections.inbox.last(talks)
    return [
        Conversation(
            id=talk.conversation,
            members=tuple(author(who, around.profiles[who]) for who in sorted(talk.members - hidden, key=int)),
            last_message=_message(said, around) if said else None,
            unread=count,
        )
        for (talk, hidden), count, said in zip(talks, unread, last, strict=True)
    ]


async def messages(asked: Asked) -> MessagePage:
    """What is said in a conversation of yours, newest first; nothing by people whom a block or a suspension hides."""
    inbox, conversation = asked.room.projections.inbox, ConversationId(asked.target)
    (talk,) = await inbox.talks(asked.reader, [conversation])
    around = await _around(asked, [talk])
    hidden = _hidden(talk, around)
    if asked.reader not in talk.members or not _is_open(talk, hidden):
        raise refusal("not_found", "there is no such conversation")

    async def look(edge: str | None, count: int) -> tuple[list[Said], str | None]:
        found = await inbox.messages(conversation, int(edge) if edge else None, count, is_back=asked.is_back)
        shown = [said for said in found if said.message.author not in hidden]
        return shown, str(found[-1].place) if len(found) == count else None

    leaf = await paging.turn(asked, look, lambda said: str(said.place))
    items = tuple(_message(said, around) for said in leaf.shown)
    return MessagePage(items=items, next_cursor=leaf.next_cursor, prev_cursor=leaf.prev_cursor)


def _message(said: Said, around: Around) -> Message:
    by, message = said.message.author, said.message
    return Message(id=said.id, author=author(by, around.profiles[by]), text=message.text, posted_at=message.posted_at)


async def _around(asked: Asked, talks: Sequence[Talk]) -> Around:
    people = {member for talk in talks for member in talk.members}
    return await asked.room.projections.around(asked.reader, people, ())


def _both(one: Around, other: Around) -> Around:
    return msgspec.structs.replace(other, profiles={**one.profiles, **other.profiles})


def _hidden(talk: Talk, around: Around) -> frozenset[UserId]:
    return frozenset(member for member in talk.members if around.ties[member] in UNSEEN)


def _is_open(talk: Talk, hidden: frozenset[UserId]) -> bool:
    """Of two people between whom there is a block, or one of whom is suspended, neither sees what they said."""
    return len(talk.members - hidden) > 1


ROUTES = (
    Route(
        path="/v1/conversations",
        answer=conversations,
        gives=ConversationPage,
        policy="signed_in",
        behind=("views",),
        parameters=PAGED,
    ),
    Route(
        path="/v1/conversations/{conversation}/messages",
        answer=messages,
        gives=MessagePage,
        policy="signed_in",
        behind=("views",),
        target="conversation",
        parameters=PAGED,
    ),
)
