"""Door to the views, read only: what commands must know. Redis being away is `unavailable`, never a fault of ours."""

import asyncio
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ClusterError, ConnectionError, ReadOnlyError, TimeoutError

from ingest.rules.photos import KnownPhoto
from ingest.rules.rolls import KnownRoll
from ingest.rules.social import Standing
from schemas import hashes, projections
from schemas.hashes import Card, Comment, Invite, Profile, Roll
from schemas.ids import CommentId, FactId, PhotoId, RollId, UserId
from schemas.problems import refusal
from schemas.projections import Key
from schemas.topics import Origin
from schemas.visibility import Admission, admission, tie

__all__ = ["Projections", "Redis", "ask", "connect"]

ANSWER_S = 1.0  # a view that does not answer within this is away
CONNECTIONS = 64  # a command holds one for a round trip; more in flight than this wait their turn
SEEN_S = 1.0  # how long a command's answer waits until its own fact can be read
SEEN_POLL_S = 0.01
RETRY_AFTER_S = 2
REBUILD_RETRY_AFTER_S = 5

View = TypeVar("View", bound=msgspec.Struct)


def connect(url: str) -> Redis:
    """A client that connects when first used; one immediate second try covers a connection that went stale."""
    pool = BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS, timeout=ANSWER_S, decode_responses=True, socket_timeout=ANSWER_S,
        socket_connect_timeout=ANSWER_S, retry=Retry(NoBackoff(), 1), health_check_interval=30,
    )  # fmt: skip
    return Redis.from_pool(pool)


@contextmanager
def asking_redis() -> Iterator[None]:
    """Turns "it is away" into the problem the client hears; an error of ours (a wrong type, say) stays an error."""
    try:
        yield
    except (ConnectionError, TimeoutError, ReadOnlyError, ClusterError, OSError) as error:
        raise refusal("unavailable", "the views are away", retry_after_s=RETRY_AFTER_S) from error


async def ask(question: Awaitable[Any]) -> Any:
    """The client's answer (text: the client decodes); redis-py's own types allow for bytes as well."""
    with asking_redis():
        return await question


class Projections:
    """Reads; each method is one round trip."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def admit(self, token_sha256: str | None) -> UserId | None:
        """Who holds the token, if anyone; `Refusal(rebuilding)` while the views are not complete."""
        asked = [projections.EPOCH] + ([projections.session(token_sha256)] if token_sha256 else [])
        epoch, *user = await self._each("get", *asked)
        if epoch is None:
            raise refusal("rebuilding", "views are being rebuilt", retry_after_s=REBUILD_RETRY_AFTER_S)
        return UserId(user[0]) if user and user[0] else None

    async def user_named(self, name: str) -> UserId | None:
        """The user whose name this is, in any case."""
        found = await ask(self._redis.get(projections.username(name)))
        return UserId(found) if found else None

    async def password(self, user: UserId) -> str | None:
        """The user's Argon2id hash."""
        return await self._text(projections.password(user))

    async def profile(self, user: UserId) -> Profile | None:
        """The user as others see them."""
        return await self._view(Profile, projections.profile(user))

    async def roll(self, roll: RollId, seen_by: UserId) -> KnownRoll | None:
        """The roll, and how `seen_by` stands to it (a second round trip, unless they own it)."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(projections.roll(roll))
        pipe.sismember(projections.members(roll), seen_by)
        pipe.hget(projections.removed_members(roll), seen_by)
        found, member, removed = await ask(pipe.execute())
        if not found:
            return None
        read = hashes.read(Roll, found)
        blocked = read.owner != seen_by and await self._blocked(seen_by, read.owner)
        removed_at = datetime.fromisoformat(removed) if removed else None
        return KnownRoll(read, bool(member), blocked, removed_at)

    async def is_member(self, roll: RollId, user: UserId) -> bool:
        """Whether `user` is a member of the roll."""
        return bool(await ask(self._redis.sismember(projections.members(roll), user)))

    async def standing(self, of: UserId, to: UserId) -> Standing | None:
        """How `of` stands to `to`, who may not exist; what `of` has to do with others lies in their own bucket."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(projections.profile(to))
        for kind in (
            projections.following, projections.followers, projections.follow_requests, projections.blocks,
            projections.blocked_by,
        ):  # fmt: skip
            pipe.sismember(kind(of), to)
        found, *ties = await ask(pipe.execute())
        return Standing(hashes.read(Profile, found), *map(bool, ties)) if found else None

    async def owners_of_shared_rolls(self, one: UserId, other: UserId) -> dict[RollId, UserId]:
        """The rolls that belong to one of the two and have the other as a member (two round trips)."""
        rolls = [RollId(roll) for roll in await ask(self._redis.smembers(projections.user_rolls(one)))]
        pipe = self._redis.pipeline(transaction=False)
        for roll in rolls:
            pipe.hget(projections.roll(roll), "owner")
            pipe.sismember(projections.members(roll), other)
        found = iter(await ask(pipe.execute()) if rolls else [])
        owners = {roll: UserId(owner) for roll, owner, shared in zip(rolls, found, found, strict=False) if shared}
        return {roll: owner for roll, owner in owners.items() if owner in (one, other)}

    async def _blocked(self, one: UserId, other: UserId) -> bool:
        """Whether one of the two blocks the other; both sets lie in the first one's bucket."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.sismember(projections.blocks(one), other)
        pipe.sismember(projections.blocked_by(one), other)
        return any(await ask(pipe.execute()))

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
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(projections.profile(card.author))
        for kind in (projections.following, projections.blocks, projections.blocked_by):
            pipe.sismember(kind(seen_by), card.author)
        if card.roll:
            pipe.hgetall(projections.roll(card.roll))
            pipe.sismember(projections.members(card.roll), seen_by)
        found, follows, blocks, blocked, *roll = await ask(pipe.execute())
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

    async def entity(self, fact: FactId) -> str | None:
        """What the fact made, if views have seen it: a command that is retried has this answer already."""
        return await self._text(projections.entity(fact))

    async def seen(self, positions: tuple[Origin, ...], within_s: float = SEEN_S) -> bool:
        """Waits until `views` has passed all positions; False when the time is over or Redis is away."""
        deadline = time.monotonic() + within_s
        fields = [f"{position.topic}:{position.partition}" for position in positions]
        while True:
            try:
                offsets = await self._redis.hmget(projections.progress("views"), fields)
            except (ConnectionError, TimeoutError, OSError):
                return False
            if all(int(next or 0) > at.offset for next, at in zip(offsets, positions, strict=True)):
                return True
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(SEEN_POLL_S)

    async def _text(self, key: Key) -> str | None:
        found = await ask(self._redis.get(key))
        return str(found) if found else None

    async def _view(self, kind: type[View], key: Key) -> View | None:
        found = await ask(self._redis.hgetall(key))
        return hashes.read(kind, found) if found else None

    async def _each(self, read: str, *keys: Key) -> list[Any]:
        """One pipeline; not a transaction, since the keys lie in different slots."""
        pipe = self._redis.pipeline(transaction=False)
        for key in keys:
            getattr(pipe, read)(key)
        found: list[Any] = await ask(pipe.execute())
        return found


def _admission(found: dict[str, str], member: int) -> Admission:
    return admission(hashes.read(Roll, found) if found else None, bool(member))
