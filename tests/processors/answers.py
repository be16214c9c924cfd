"""What the views in a real server say, read past everything of ours; it is asked the same as `ProjectionsTwin`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from redis.asyncio import Redis

from schemas import projections
from schemas.ids import PhotoId, UserId, floor_at
from schemas.projections import FEED_CAP
from tests.twins.projections import Value

Clock = Callable[[], datetime]
SCORED = {"vo", "vs", "vr", "vi"}  # kinds of `schemas/conversations.py`


class Answers:
    """Reads one server; `clock` says which sealed photos are revealed."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis, self._clock = redis, clock

    async def everything(self) -> dict[str, Value]:
        """Every key there is, watermarks and progress too."""
        return {key: await self._value(key) for key in await self._keys()}

    async def views(self) -> dict[str, Value]:
        """Every view by key, without what guards them."""
        guards = (":wm:", "progress:", "held:", projections.EPOCH, projections.CAUGHT_UP, projections.MOVED)
        return {key: await self._value(key) for key in await self._keys() if not any(g in key for g in guards)}

    async def _keys(self) -> list[str]:
        return sorted(map(str, await self._redis.keys()))

    async def feed(self, reader: UserId) -> list[PhotoId]:
        """What the reader's feed offers now, newest first: the feed merged with the sealed photos that came due."""
        revealed = await self._list(projections.feed(reader))
        sealed = await self._list(projections.sealed(reader))
        floor = floor_at(self._clock())
        photos = {photo for photo in (*revealed, *sealed) if 0 < int(photo) < floor}  # the tails are no photos
        return sorted(map(PhotoId, photos), key=int, reverse=True)[:FEED_CAP]

    async def _list(self, key: str) -> list[str]:
        entries = [str(entry) for entry in await self._redis.lrange(key, 0, -1)]
        assert entries == sorted(set(entries), key=int, reverse=True), f"{key} is not newest first, each once"
        return entries

    async def _value(self, key: str) -> Value:
        match await self._redis.type(key):
            case "hash":
                return {str(name): str(value) for name, value in (await self._redis.hgetall(key)).items()}
            case "set":
                return {str(member) for member in await self._redis.smembers(key)}
            case "zset":
                return await self._sorted(key)
            case "list":
                return await self._list(key)
            case _:
                return await self._text_or_sketch(key)

    async def _sorted(self, key: str) -> list[str]:
        """Members alone where all scores are 0."""
        found: Any = await self._redis.zrange(key, 0, -1, withscores=True)
        is_scored = key.partition(":")[2].partition(":")[0] in SCORED
        return [f"{member} {int(score)}" if is_scored else str(member) for member, score in found]

    async def _text_or_sketch(self, key: str) -> Value:
        if ":act:" in key:
            return int(await self._redis.pfcount(key))
        return str(await self._redis.get(key))
