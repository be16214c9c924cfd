"""The world that api tests read: views as processors would have written them, a clock that moves, a browser."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import msgspec
from redis.asyncio import Redis

from api.app import make_app, make_room
from api.routes import Room
from schemas import hashes, tails
from schemas import projections as view
from schemas.facts import Visibility
from schemas.hashes import Card, Comment, Profile, Roll, Size
from schemas.ids import CommentId, PhotoId, RollId, UserId
from schemas.settings import Settings
from tests.builders import MORNING, NOON, TOMORROW, a_comment, a_photo, a_roll, a_user

__all__ = ["MORNING", "NOON", "TOMORROW", "World", "open_world"]


@dataclass
class World:
    """Verbs write views through the keys and codecs of `schemas.projections`; `get` reads through the app."""

    redis: Redis
    room: Room
    client: httpx.AsyncClient
    now: list[datetime] = field(default_factory=lambda: [NOON])
    numbers: dict[UserId, int] = field(default_factory=dict)
    comments: int = 0

    # --- writing ------------------------------------------------------------------------------------------------------

    async def complete(self) -> None:
        await self.redis.set(view.EPOCH, "1")

    async def person(self, name: str) -> UserId:
        user = a_user(name)
        profile = Profile(username=name, display_name=name.title(), tz="UTC", registered_at=NOON - timedelta(days=9))
        await self.save(view.profile(user), profile)
        await self.redis.set(view.session(sha256(token(user).encode()).hexdigest()), user)
        await self.redis.rpush(view.feed(user), tails.SENTINEL)
        await self.redis.rpush(view.sealed(user), tails.SENTINEL)
        return user

    async def follow(self, reader: UserId, author: UserId) -> None:
        await self.redis.sadd(view.following(reader), author)
        await self.redis.sadd(view.followers(author), reader)

    async def unfollow(self, reader: UserId, author: UserId) -> None:
        await self.redis.srem(view.following(reader), author)
        await self.redis.srem(view.followers(author), reader)

    async def private(self, user: UserId) -> None:
        await self.redis.hset(view.profile(user), "visibility", "private")

    async def request(self, reader: UserId, author: UserId) -> None:
        await self.redis.sadd(view.follow_requests(author), reader)

    async def block(self, user: UserId, other: UserId) -> None:
        await self.redis.sadd(view.blocks(user), other)
        await self.redis.sadd(view.blocked_by(other), user)

    async def unblock(self, user: UserId, other: UserId) -> None:
        await self.redis.srem(view.blocks(user), other)
        await self.redis.srem(view.blocked_by(other), user)

    async def mute(self, user: UserId, other: UserId) -> None:
        await self.redis.sadd(view.mutes(user), other)

    async def roll(
        self, owner: UserId, *members: UserId, visibility: Visibility = "private", number: int = 1
    ) -> RollId:
        roll = a_roll(owner, number)
        found = Roll(
            owner=owner, name="Lisbon", film="darkroom-400", develop="09:00", tz="UTC", visibility=visibility,
            opened_at=NOON,
        )  # fmt: skip
        await self.save(view.roll(roll), found)
        await self.redis.sadd(view.members(roll), owner, *members)
        return roll

    async def rename(self, roll: RollId, name: str) -> None:
        await self.redis.hset(view.roll(roll), "renamed", name)

    async def close_roll(self, roll: RollId) -> None:
        await self.redis.hset(view.roll(roll), "closed_at", hashes.text(NOON))

    async def photo(
        self,
        author: UserId,
        *readers: UserId,
        reveal_at: datetime = MORNING,
        roll: RollId | None = None,
        visibility: Visibility = "public",
        caption: str = "a boat",
        is_developed: bool = True,
    ) -> PhotoId:
        """A photo in its author's grid, its roll, and the readers' feeds (sealed ones among the sealed)."""
        self.numbers[author] = self.numbers.get(author, 0) + 1
        photo = a_photo(author, self.numbers[author], reveal_at)
        card = Card(author=author, roll=roll, visibility=visibility, reveal_at=reveal_at, caption=caption)
        await self.save(view.card(photo), card)
        if is_developed:
            await self.develop(photo)
        await self.redis.zadd(view.user_photos(author), {view.place(photo): 0})
        if roll:
            await self.redis.zadd(view.roll_photos(roll), {view.place(photo): 0})
        for reader in readers:
            key = view.feed(reader) if reveal_at <= self.now[0] else view.sealed(reader)
            await self.redis.lpush(key, photo)
        return photo

    async def develop(self, photo: PhotoId) -> None:
        sizes = tuple(Size(name=n, key=f"{photo}/5ec7e7/{n}.jpg", width_px=9, height_px=6) for n in SIZES)
        card = Card(developed_at=NOON, placeholder="L6Pj0^", width_px=1920, height_px=1280, sizes=sizes)
        await self.save(view.card(photo), card)

    async def spoil(self, photo: PhotoId, reason: str = "not_an_image") -> None:
        await self.save(view.card(photo), Card(spoiled=reason))

    async def delete(self, photo: PhotoId) -> None:
        await self.save(view.card(photo), Card(deleted_at=NOON))

    async def like(self, user: UserId, photo: PhotoId) -> None:
        await self.redis.sadd(view.likers(photo), user)
        await self.redis.hset(view.card(photo), hashes.LIKES, str(await self.redis.scard(view.likers(photo))))

    async def comment(
        self, author: UserId, photo: PhotoId, text: str = "Fog!", reply_to: CommentId | None = None
    ) -> CommentId:
        self.comments += 1
        comment = CommentId(str(int(a_comment(author)) + (self.comments << 32)))  # a second after the one before
        said = Comment(author=author, text=text, posted_at=NOON, reply_to=reply_to)
        await self.save(view.comment(photo, comment), said)
        await self.redis.zadd(view.comments(photo), {view.place(comment): 0})
        await self._count_comments(photo)
        if reply_to:
            await self.save(view.comment(photo, reply_to), Comment(has_replies=True))
        return comment

    async def delete_comment(self, photo: PhotoId, comment: CommentId) -> None:
        await self.save(view.comment(photo, comment), Comment(deleted_at=NOON))
        await self.redis.sadd(view.deleted_comments(photo), comment)
        await self._count_comments(photo)

    async def _count_comments(self, photo: PhotoId) -> None:
        gone = await self.redis.scard(view.deleted_comments(photo))
        count = await self.redis.zcard(view.comments(photo)) - gone
        await self.redis.hset(view.card(photo), hashes.COMMENTS, str(count))

    async def save(self, key: view.Key, found: msgspec.Struct) -> None:
        fields: dict[Any, Any] = {**hashes.fields(found)}  # redis-py asks for a union that no dict of texts is
        await self.redis.hset(key, mapping=fields)

    # --- reading ------------------------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        self.now[0] += timedelta(seconds=seconds)

    async def get(self, path: str, reader: UserId | None, **headers: str) -> httpx.Response:
        signed = {"authorization": f"Bearer {token(reader)}"} if reader else {}
        more = {name.replace("_", "-"): text for name, text in headers.items()}
        return await self.client.get(path, headers={**signed, **more})

    async def items(self, path: str, reader: UserId) -> list[str]:
        """The ids on a page."""
        answer = await self.get(path, reader)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    async def walk(self, path: str, reader: UserId, limit: int = 3) -> list[str]:
        """The ids of all pages, by following cursors."""
        return await self.walk_from(path, reader, None, limit)

    async def walk_from(self, path: str, reader: UserId, cursor: str | None, limit: int = 3) -> list[str]:
        """The ids of the pages from `cursor` on."""
        found = list[str]()
        for _ in range(100):
            page = (await self.get(f"{path}?limit={limit}" + (f"&cursor={cursor}" if cursor else ""), reader)).json()
            found += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return found
        raise AssertionError(f"{path} has more than 100 pages")

    def through(self, room: Room, docs: bool = False) -> "World":
        """The same world, read through other doors."""
        return replace(self, room=room, client=_client(room, docs))

    async def close(self) -> None:
        await self.client.aclose()
        await self.room.projections.close()
        self.room.warehouse.close()


SIZES = ("large", "medium", "small")


def token(user: UserId) -> str:
    return f"token-of-person-{user}"


PATIENCE_MS = 5_000  # a machine that runs many things at once stalls longer than a reader should wait


def open_world(redis: Redis, redis_url: str, timeout_ms: int = PATIENCE_MS) -> World:
    now = [NOON]
    room = make_room(Settings(redis_url=redis_url, redis_timeout_ms=timeout_ms), clock=lambda: now[0])
    return World(redis, room, _client(room), now)


def _client(room: Room, docs: bool = False) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=make_app(room, docs=docs)), base_url="http://api.test")
