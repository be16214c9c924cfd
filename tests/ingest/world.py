"""A room to talk to, and people who exist in its views."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_hex
from typing import Any
from uuid import uuid4

import httpx

from ingest.app import Ingest, make
from ingest.shards import Shards
from schemas import hashes, projections
from schemas.facts import Visibility
from schemas.hashes import Card, Comment, Invite, Profile, Roll, Size
from schemas.ids import CommentId, PhotoId, RollId, UserId
from schemas.projections import Key
from schemas.settings import Settings
from tests.builders import FAR, NOON, a_comment, a_photo, a_roll, a_user
from tests.spread import spread

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)  # a reveal that has come, whatever the real clock says
MODERATOR = a_user("moderator")
SIZES = (Size(name="large", key="k", width_px=1, height_px=1),)


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in."""

    user: UserId
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class World:
    """`http` reaches the room without a socket; answers do not wait for views, since none are running."""

    room: Ingest
    http: httpx.AsyncClient
    redis: Any
    shards: Shards

    @classmethod
    @asynccontextmanager
    async def running(cls, settings: Settings) -> AsyncIterator["World"]:
        room = make(settings)
        redis, shards = spread(settings.redis_url), Shards(settings.redis_url)
        transport = httpx.ASGITransport(app=room.asgi)
        quick = {"prefer": "respond-async"}
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest", headers=quick) as http:
            try:
                yield cls(room, http, redis, shards)
            finally:
                await redis.aclose()
                await shards.close()
                await room.close()

    async def person(self, name: str = "ana", tz: str = "Europe/Lisbon", user: UserId | None = None) -> Person:
        """As the views say it after a registration and a sign-in."""
        user, token = user or a_user(f"{name} {uuid4()}"), f"{name:-<43}"
        profile = Profile(username=name, tz=tz, registered_at=NOON)
        await self.redis.hset(projections.profile(user), mapping=hashes.fields(profile))
        await self.redis.set(projections.username(name), user)
        await self.redis.set(projections.session(sha256(token.encode()).hexdigest()), user)
        return Person(user, token)

    async def moderator(self) -> Person:
        """Whom the tests' setting names."""
        return await self.person("moderator", user=MODERATOR)

    async def roll(self, owner: Person, *others: Person, develop: str = "10s", visibility: str = "private") -> RollId:
        """As the views say it after an opening and some joining."""
        roll = a_roll(owner.user)
        view = Roll(
            owner=owner.user, name="Lisbon", film="darkroom-400", develop=develop, tz="Europe/Lisbon",
            visibility="public" if visibility == "public" else "private", opened_at=NOON,
        )  # fmt: skip
        await self.redis.hset(projections.roll(roll), mapping=hashes.fields(view))
        await self.redis.sadd(projections.members(roll), owner.user, *(other.user for other in others))
        return roll

    async def photo(
        self, author: Person, roll: RollId | None = None, visibility: Visibility = "public", is_revealed: bool = True
    ) -> PhotoId:
        """As the views say it after a capture and its development."""
        reveal_at = LONG_AGO if is_revealed else FAR
        photo = a_photo(author.user, reveal_at=reveal_at)
        card = Card(
            author=author.user, roll=roll, visibility=visibility, reveal_at=reveal_at, developed_at=NOON, sizes=SIZES
        )
        await self.redis.hset(projections.card(photo), mapping=hashes.fields(card))
        return photo

    async def comment(
        self, photo: PhotoId, author: Person, text: str = "Fog!", id: CommentId | None = None
    ) -> CommentId:
        """As the views say it after somebody commented."""
        comment = id or a_comment(author.user)
        view = Comment(author=author.user, text=text, posted_at=NOON)
        await self.redis.hset(projections.comment(photo, comment), mapping=hashes.fields(view))
        return comment

    async def invite(self, roll: RollId, token: str, created_at: datetime = NOON) -> Key:
        """As the views say it after an invite; it is good for years. Gives the view's key."""
        key = projections.invite(sha256(token.encode()).hexdigest())
        view = Invite(roll=roll, expires_at=FAR, created_at=created_at)
        await self.redis.hset(key, mapping=hashes.fields(view))
        return key

    async def post(self, path: str, by: Person | None = None, **members: Any) -> httpx.Response:
        """A command with a JSON body; a photo's has the key that it needs."""
        key = {"idempotency-key": token_hex(8)} if path == "/v1/photos" else {}
        return await self.http.post(path, json=members, headers={**key, **(by.headers if by else {})})

    async def put(self, path: str, by: Person, **members: Any) -> httpx.Response:
        """A command that says everything in its path, or has a JSON body."""
        return await self.http.put(path, json=members or None, headers=by.headers)

    async def delete(self, path: str, by: Person) -> httpx.Response:
        """A command that ends something."""
        return await self.http.delete(path, headers=by.headers)
