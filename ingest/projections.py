"""What commands must know of the views, read only. Redis being away is `unavailable`, never a fault of ours."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeVar

import msgspec

from ingest.rules.conversations import Mark, Talk
from ingest.rules.photos import KnownPhoto
from ingest.rules.rolls import KnownRoll
from ingest.rules.social import Standing
from ingest.shards import Shards
from schemas import conversations, hashes, projections
from schemas.conversations import Message
from schemas.hashes import Card, Comment, Invite, Profile, Roll
from schemas.ids import CommentId, ConversationId, FactId, MessageId, PhotoId, RollId, UserId
from schemas.problems import Refusal, refusal
from schemas.projections import Key
from schemas.topics import Origin
from schemas.visibility import Admission, admission, tie

SEEN_S = 1.0  # how long a command's answer waits until its own fact can be read
SEEN_POLL_S = 0.01
REBUILD_RETRY_AFTER_S = 5

View = TypeVar("View", bound=msgspec.Struct)
Bar = Literal["suspended", "erased"]


class Projections:
    """Reads; each method is one round trip."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    async def admit(self, token_sha256: str | None) -> UserId | None:
        """Who holds the token, if anyone; `Refusal(rebuilding)` while the views are not complete."""
        await self._shards.follow()
        asked = [("GET", projections.session(token_sha256))] if token_sha256 else []
        epochs, user = await asyncio.gather(self._shards.everywhere("GET", projections.EPOCH), self._shards.ask(*asked))
        if None in epochs:
            raise refusal("rebuilding", "views are being rebuilt", retry_after_s=REBUILD_RETRY_AFTER_S)
        return UserId(user[0]) if user and user[0] else None

    async def barred(self, user: UserId) -> Bar | None:
        """Why the user's commands are refused."""
        (found,) = await self._shards.ask(("HMGET", projections.profile(user), "erased_at", "suspended"))
        erased_at, suspended = found
        return "erased" if erased_at else "suspended" if suspended else None

    async def user_named(self, name: str) -> UserId | None:
        """The user whose name this is, in any case."""
        found = await self._text(projections.username(name))
        return UserId(found) if found else None

    async def password(self, user: UserId) -> str | None:
        """The user's Argon2id hash; nobody is let in as somebody who was erased, whatever late records bring back."""
        asked = ("GET", projections.password(user)), ("HGET", projections.profile(user), "erased_at")
        found, erased_at = await self._shards.ask(*asked)
        return str(found) if found and not erased_at else None

    async def standing_photos(self, user: UserId) -> dict[PhotoId, RollId | None]:
        """The user's photos that nobody took back, and the rolls they were taken into (two round trips)."""
        (places,) = await self._shards.ask(("ZRANGE", projections.user_photos(user), "0", "-1"))
        photos = [projections.photo_at(place) for place in places]
        found = await self._shards.ask(*(("HMGET", projections.card(photo), "deleted_at", "roll") for photo in photos))
        cards = zip(photos, found, strict=True)
        return {photo: RollId(roll) if roll else None for photo, (deleted_at, roll) in cards if not deleted_at}

    async def sessions(self, user: UserId, days: Sequence[datetime]) -> list[str]:
        """SHA-256 of the user's tokens that expire on these days."""
        found = await self._shards.ask(*(("SMEMBERS", projections.sessions(user, day)) for day in days))
        return sorted(token for tokens in found for token in tokens)

    async def profile(self, user: UserId) -> Profile | None:
        """The user as others see them."""
        return await self._view(Profile, projections.profile(user))

    async def roll(self, roll: RollId, seen_by: UserId) -> KnownRoll | None:
        """The roll, and how `seen_by` stands to it (a second round trip, unless they own it)."""
        found, member, removed = await self._shards.ask(
            ("HGETALL", projections.roll(roll)),
            ("SISMEMBER", projections.members(roll), seen_by),
            ("HGET", projections.removed_members(roll), seen_by),
        )
        if not found:
            return None
        read = hashes.read(Roll, found)
        blocked = read.owner != seen_by and await self._blocked(seen_by, read.owner)
        removed_at = datetime.fromisoformat(removed) if removed else None
        return KnownRoll(read, bool(member), blocked, removed_at)

    async def is_member(self, roll: RollId, user: UserId) -> bool:
        """Whether `user` is a member of the roll."""
        return any(await self._shards.ask(("SISMEMBER", projections.members(roll), user)))

    async def standing(self, of: UserId, to: UserId) -> Standing | None:
        """How `of` stands to `to`, who may not exist; what `of` has to do with others lies in their own bucket."""
        kinds = (
            projections.following, projections.followers, projections.follow_requests, projections.blocks,
            projections.blocked_by,
        )  # fmt: skip
        asked = [("SISMEMBER", kind(of), to) for kind in kinds]
        found, *ties = await self._shards.ask(("HGETALL", projections.profile(to)), *asked)
        return Standing(hashes.read(Profile, found), *map(bool, ties)) if found else None

    async def owners_of_shared_rolls(self, one: UserId, other: UserId) -> dict[RollId, UserId]:
        """The rolls that belong to one of the two and have the other as a member (two round trips)."""
        (mine,) = await self._shards.ask(("SMEMBERS", projections.user_rolls(one)))
        rolls = [RollId(roll) for roll in mine]
        asked = [(("HGET", projections.roll(r), "owner"), ("SISMEMBER", projections.members(r), other)) for r in rolls]
        found = iter(await self._shards.ask(*(command for pair in asked for command in pair)))
        owners = {roll: UserId(owner) for roll, owner, shared in zip(rolls, found, found, strict=False) if shared}
        return {roll: owner for roll, owner in owners.items() if owner in (one, other)}

    async def _blocked(self, one: UserId, other: UserId) -> bool:
        """Whether one of the two blocks the other; both sets lie in the first one's bucket."""
        kinds = (projections.blocks, projections.blocked_by)
        return any(await self._shards.ask(*(("SISMEMBER", kind(one), other) for kind in kinds)))

    async def invite(self, token_sha256: str) -> Invite | None:
        """What the invite's token opens."""
        return await self._view(Invite, projections.invite(token_sha256))

    async def card(self, photo: PhotoId) -> Card | None:
        """What is known of the photo."""
        return await self._view(Card, projections.card(photo))

    async def photo(self, photo: PhotoId, seen_by: UserId) -> KnownPhoto | None:
        """The photo, and how `seen_by` stands to its author and its roll (two round trips)."""
        card = await self.card(photo)
        if card is None or card.author is None:
            return None
        kinds = (projections.following, projections.blocks, projections.blocked_by)
        asked = [
            ("HGETALL", projections.profile(card.author)),
            *(("SISMEMBER", k(seen_by), card.author) for k in kinds),
        ]
        if card.roll:
            asked += [("HGETALL", projections.roll(card.roll)), ("SISMEMBER", projections.members(card.roll), seen_by)]
        found, follows, blocks, blocked, *roll = await self._shards.ask(*asked)
        profile = hashes.read(Profile, found) if found else None
        tied = tie(profile, is_followed=bool(follows), is_blocked=bool(blocks or blocked))
        return KnownPhoto(card, _admission(*roll) if card.roll else "public", tied)

    async def comment(self, photo: PhotoId, comment: CommentId) -> Comment | None:
        """What was said of the photo under this id."""
        found = await self._view(Comment, projections.comment(photo, comment))
        return found if found and found.author else None

    async def comment_seen_by(self, photo: PhotoId, comment: CommentId, user: UserId) -> Comment | None:
        """The same, unless it is deleted, or a block hides whoever said it from `user`."""
        found = await self.comment(photo, comment)
        if found is None or found.author is None or found.deleted_at:
            return None
        return None if await self._blocked(user, found.author) else found

    async def has_reported(self, photo: PhotoId, user: UserId) -> bool:
        """Whether the user reported the photo since a moderator last decided about it."""
        (found,) = await self._shards.ask(("HEXISTS", projections.reports(photo), user))
        return bool(found)

    # --- conversations ------------------------------------------------------------------------------------------------

    async def among(self, people: Sequence[UserId], by: UserId) -> tuple[set[UserId], set[UserId]]:
        """Who of these people there is (who erased themselves has no name), and between whom and `by` is a block."""
        asked = [("HGET", projections.profile(one), "username") for one in people]
        found, hidden = await asyncio.gather(self._shards.ask(*asked), self._hidden(people, by))
        return {one for one, is_there in zip(people, found, strict=True) if is_there}, hidden

    async def talk(self, conversation: ConversationId, by: UserId) -> Talk:
        """Who takes part in the conversation, nobody where there is none (a second round trip for who does)."""
        (found,) = await self._shards.ask(("SMEMBERS", conversations.members(conversation)))
        hidden = await self._hidden(sorted(found), by) if by in found else set[UserId]()
        return Talk(frozenset(found), frozenset(hidden))

    async def message(self, conversation: ConversationId, message: MessageId) -> Message | None:
        """What was said in the conversation under this id."""
        return await self._view(Message, conversations.message(conversation, message))

    async def mark(self, conversation: ConversationId, message: MessageId, by: UserId) -> Mark:
        """Where the message stands in the conversation, and how far `by` has read it."""
        at, read = await self._shards.ask(
            ("ZSCORE", conversations.messages(conversation), message), ("ZSCORE", conversations.marks(conversation), by)
        )
        return Mark(None if at is None else int(at), None if read is None else int(read))

    async def _hidden(self, people: Sequence[UserId], by: UserId) -> set[UserId]:
        """Between whom of these people and `by` there is a block."""
        kinds = (projections.blocks, projections.blocked_by)
        ours, theirs = await self._shards.ask(*(("SMISMEMBER", kind(by), *people) for kind in kinds))
        return {one for one, *pair in zip(people, ours, theirs, strict=True) if any(pair)}

    async def entity(self, fact: FactId) -> str | None:
        """What the fact made, if views have seen it: a command that is retried has this answer already."""
        return await self._text(projections.entity(fact))

    async def seen(self, positions: tuple[Origin, ...], within_s: float = SEEN_S) -> bool:
        """Waits until `views` has passed all positions; False when the time is over or Redis is away."""
        deadline = time.monotonic() + within_s
        fields = [f"{position.topic}:{position.partition}" for position in positions]
        while True:
            try:
                servers = await self._shards.everywhere("HMGET", projections.progress("views"), *fields)
            except Refusal:
                return False
            pairs = [pair for offsets in servers for pair in zip(offsets, positions, strict=True)]
            if all(int(next or 0) > at.offset for next, at in pairs):
                return True
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(SEEN_POLL_S)

    async def _text(self, key: Key) -> str | None:
        (found,) = await self._shards.ask(("GET", key))
        return str(found) if found else None

    async def _view(self, kind: type[View], key: Key) -> View | None:
        (found,) = await self._shards.ask(("HGETALL", key))
        return hashes.read(kind, found) if found else None


def _admission(found: dict[str, str], member: int) -> Admission:
    return admission(hashes.read(Roll, found) if found else None, bool(member))
