"""What a reader's conversations are, and what is said in them: the questions that `projections` puts for their pages.

A place in a conversation is an offset of the log; one in a list of conversations is a moment and, where two share it,
the conversation's id: both are integers in the order of the list.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from api.wire import Ask, Command
from schemas import conversations as view
from schemas import hashes
from schemas.conversations import Message
from schemas.ids import ConversationId, MessageId, UserId

ID_BITS = 63
TIES = 8  # conversations of one reader that may share a microsecond


class Talk(msgspec.Struct, frozen=True):
    """A conversation as the reader stands to it; `read` is the place up to which they have."""

    conversation: ConversationId
    members: frozenset[UserId]
    read: int | None


class Said(msgspec.Struct, frozen=True):
    """A message at its place."""

    place: int
    id: MessageId
    message: Message


class Inbox(msgspec.Struct, frozen=True):
    """Asks through `projections`, which makes a problem of a server that is away."""

    ask: Ask

    async def latest(
        self, reader: UserId, beyond: int | None, count: int, *, is_back: bool
    ) -> list[tuple[int, ConversationId]]:
        """At most `count` of the reader's conversations beyond that place, with theirs; latest first unless back."""
        edge = None if beyond is None else beyond >> ID_BITS
        by, ends = ("ZRANGEBYSCORE", ("-inf", "+inf")) if is_back else ("ZREVRANGEBYSCORE", ("+inf", "-inf"))
        start = ends[0] if edge is None else edge
        asked: Command = (by, view.inbox(reader), start, ends[1], "WITHSCORES", "LIMIT", 0, count + TIES)
        (found,) = await self.ask(asked)
        places = sorted((int(score) << ID_BITS | int(id), ConversationId(id)) for id, score in found)
        if is_back:
            return [each for each in places if beyond is None or each[0] > beyond][:count]
        return [each for each in reversed(places) if beyond is None or each[0] < beyond][:count]

    async def talks(self, reader: UserId, conversations: Sequence[ConversationId]) -> list[Talk]:
        """Who takes part in these, and how far the reader has read each; nobody in one that there is not."""
        asked = ((("SMEMBERS", view.members(c)), ("ZSCORE", view.marks(c), reader)) for c in conversations)
        found = iter(await self.ask(*(command for pair in asked for command in pair)))
        return [
            Talk(conversation, frozenset(members), None if read is None else int(read))
            for conversation, members, read in zip(conversations, found, found, strict=False)
        ]

    async def counts(self, reader: UserId, talks: Sequence[tuple[Talk, frozenset[UserId]]]) -> list[int]:
        """How many messages each holds beyond the mark that others wrote whom no block hides (`hidden`)."""
        asked = [_counted(talk, (None, reader, *sorted(hidden))) for talk, hidden in talks]
        found = iter(await self.ask(*(command for commands in asked for command in commands)))
        counts = [[next(found) for _ in commands] for commands in asked]
        return [every - sum(left_out) for every, *left_out in counts]

    async def last(self, talks: Sequence[tuple[Talk, frozenset[UserId]]]) -> list[Said | None]:
        """The last message of each that no block hides (two round trips)."""
        asked = [[("ZREVRANGE", key, 0, 0, "WITHSCORES") for key in _shown(*each)] for each in talks]
        found = iter(await self.ask(*(command for commands in asked for command in commands)))
        latest = [max((_placed(pair) for _ in commands for pair in next(found)), default=None) for commands in asked]
        known = [(talk.conversation, each) for (talk, _), each in zip(talks, latest, strict=True) if each]
        said = iter(await self._said([(conversation, *each) for conversation, each in known]))
        return [next(said) if each else None for each in latest]

    async def messages(
        self, conversation: ConversationId, beyond: int | None, count: int, *, is_back: bool
    ) -> list[Said]:
        """At most `count` messages beyond that place; newest first unless back (two round trips)."""
        by, ends = ("ZRANGEBYSCORE", ("-inf", "+inf")) if is_back else ("ZREVRANGEBYSCORE", ("+inf", "-inf"))
        start = ends[0] if beyond is None else f"({beyond}"
        (found,) = await self.ask((by, view.messages(conversation), start, ends[1], "WITHSCORES", "LIMIT", 0, count))
        return await self._said([(conversation, *_placed(pair)) for pair in found])

    async def _said(self, places: Sequence[tuple[ConversationId, int, MessageId]]) -> list[Said]:
        found = await self.ask(*(("HGETALL", view.message(conversation, id)) for conversation, _, id in places))
        return [
            Said(place, id, hashes.read(Message, fields)) for (_, place, id), fields in zip(places, found, strict=True)
        ]


def _counted(talk: Talk, authors: Sequence[UserId | None]) -> list[Command]:
    """Beyond the mark: all messages (None), and those of each of these authors."""
    start = "-inf" if talk.read is None else f"({talk.read}"
    keys = [view.said(talk.conversation, a) if a else view.messages(talk.conversation) for a in authors]
    return [("ZCOUNT", key, start, "+inf") for key in keys]


def _shown(talk: Talk, hidden: frozenset[UserId]) -> list[str]:
    """The lists among whose last messages is the last one that the reader sees."""
    if not hidden:
        return [view.messages(talk.conversation)]
    return [view.said(talk.conversation, author) for author in sorted(talk.members - hidden)]


def _placed(pair: Sequence[Any]) -> tuple[int, MessageId]:
    id, score = pair
    return int(score), MessageId(id)
