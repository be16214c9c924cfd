"""Door to Redis: applies what rules want done to views, so that doing it twice, or late, changes nothing.

Everything that changes a bucket is one call of a function in `projections.lua`, which compares the bucket's watermark
with the record's offset and moves it in the same atomic step.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from redis.asyncio import BlockingConnectionPool, Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import ResponseError

from processors.intents import FeedIntent, ViewIntent
from processors.processor import Effects
from processors.stores import calls
from processors.stores.calls import Call, Step
from processors.stores.feeds import PULL_ABOVE, Fanout
from processors.stores.tending import Tending
from schemas import projections
from schemas.ids import BUCKETS
from schemas.projections import CAUGHT_UP, EPOCH, Key, Processor

TIMEOUT_S = 5.0  # a call takes milliseconds; slower is as good as away, and the loop tries again
LIBRARY = (Path(__file__).parent / "projections.lua").read_text()
VERSION = hashlib.sha256(LIBRARY.encode()).hexdigest()[:8]  # two versions live side by side during a deploy


class Lost(RedisAway):
    """The server, or its data, is not what `open` found: the loop opens again and asks for `progress`."""


class Ahead(RuntimeError):
    """The log was wiped and the views were not; an operator must decide."""


class Projections:
    """The views of one processor. Implements `processors.processor.Store`."""

    def __init__(
        self, processor: Processor, url: str, clock: Callable[[], datetime], pull_above: int = PULL_ABOVE
    ) -> None:
        self._processor, self._url = processor, url
        self._fanout = Fanout(self, clock, pull_above)
        self._tending = Tending(self, clock, lambda: uuid4().int >> 97)
        self._redis: Redis | None = None
        self._run_id: str | None = None
        self._reached: dict[str, int] = {}

    async def open(self) -> None:
        """Connect, and take the server that answers for the right one until it is another."""
        await self.close()
        self._run_id = None
        # No silent reconnection to a server that restarted: every new connection asks who is there.
        self._redis = Redis.from_pool(
            BlockingConnectionPool.from_url(
                self._url,
                max_connections=4,
                decode_responses=True,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
                redis_connect_func=self._greet,
            )
        )
        await self._load()

    async def close(self) -> None:
        """Let go of the connections."""
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

    async def progress(self) -> Mapping[tuple[str, int], int]:
        """Next offset by (topic, partition). A missing one counts as 0: a server that remembers nothing lost all."""
        found = await self._client.hgetall(projections.progress(self._processor))
        self._reached = {str(field): int(offset) for field, offset in found.items()}
        return {_topic_and_partition(field): offset for field, offset in self._reached.items()}

    async def refuse_if_ahead(self, end_offsets: Mapping[tuple[str, int], int], now: datetime | None = None) -> None:
        """`Ahead` when the log ends below what was applied: its new records would be skipped as old ones."""
        found = await self.progress()
        beyond = {at: offset for at, offset in found.items() if offset > end_offsets.get(at, offset)}
        if beyond:
            raise Ahead(f"{self._processor} has applied more than the log holds: {beyond}; wipe both or neither")

    async def apply(self, effects: Sequence[Effects]) -> None:
        """View intents of the batch first, bucket by bucket; then feed intents one by one; then progress.

        A rule wants either of views or of feeds: in one record the first would hide the second by its watermark.
        """
        views = [(each.origin, [i for i in each.intents if isinstance(i, ViewIntent)]) for each in effects]
        await self.carry_out(calls.by_bucket(self._processor, views))
        for each in effects:
            for lane, intent in enumerate(i for i in each.intents if isinstance(i, FeedIntent)):
                await self._fanout.apply(Step(self._processor, each.origin, lane=lane), intent)
        await self._advance(effects)

    async def drop_watermarks(self, partitions: Collection[tuple[str, int]]) -> None:
        """A worker killed on an emptied server left its watermarks; they would hide that what is below is gone."""
        fields = [f"{topic}:{partition}" for topic, partition in partitions]
        pipe = self._client.pipeline(transaction=False)
        for bucket in range(BUCKETS if fields else 0):
            pipe.hdel(projections.watermark(bucket, self._processor), *fields)
        await pipe.execute()

    async def caught_up(self) -> None:
        """The processor has reached the end offsets captured at its start; the last of views and feeds sets `epoch`.

        Called once per start, by the app; again does nothing.
        """
        await self._client.sadd(CAUGHT_UP, self._processor)
        if {"views", "feeds"} <= await self._client.smembers(CAUGHT_UP):
            await self._client.set(EPOCH, uuid4().hex, nx=True)

    async def tend(self) -> None:
        """Feeds are built and dropped, as their readers come or stay away; called every second, by the app."""
        if self._processor == "feeds":
            await self._tending.tend()

    # --- what `Fanout` and `Tending` need -----------------------------------------------------------------------------

    async def carry_out(self, steps: Sequence[Call]) -> list[Any]:
        """The answers of the functions, in one round trip; the library is loaded again on a server that forgot it."""
        answers = await self._send(steps)
        if any("Function not found" in str(answer) for answer in answers if isinstance(answer, ResponseError)):
            await self._load()
            answers = await self._send(steps)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def members(self, sets: Sequence[Key]) -> list[set[str]]:
        """The members of each set, in one round trip."""
        pipe = self._client.pipeline(transaction=False)
        for key in sets:
            pipe.smembers(key)
        return await pipe.execute()

    async def hashes(self, keys: Sequence[Key]) -> list[dict[str, str]]:
        """The fields of each hash, in one round trip."""
        pipe = self._client.pipeline(transaction=False)
        for key in keys:
            pipe.hgetall(key)
        return await pipe.execute()

    async def sketched(self, key: Key) -> int:
        """How many members a sketch has seen, within 0.81 %."""
        return int(await self._client.pfcount(key))

    async def sizes(self, sets: Sequence[Key]) -> list[int]:
        """How many members each set has, in one round trip."""
        pipe = self._client.pipeline(transaction=False)
        for key in sets:
            pipe.scard(key)
        return await pipe.execute()

    async def entries(self, key: Key) -> list[str]:
        """The entries of a list."""
        return list(map(str, await self._client.lrange(key, 0, -1)))

    async def lists(self, keys: Sequence[Key]) -> list[list[str]]:
        """The entries of each list, in one round trip."""
        pipe = self._client.pipeline(transaction=False)
        for key in keys:
            pipe.lrange(key, 0, -1)
        return await pipe.execute()

    # --- the server ---------------------------------------------------------------------------------------------------

    @property
    def _client(self) -> Redis:
        if self._redis is None:
            raise RuntimeError("projections are used before they are opened; expected open() first")
        return self._redis

    async def _send(self, steps: Sequence[Call]) -> list[Any]:
        """Past redis-py's pipeline, which would pack every word anew."""
        if not steps:
            return []
        pool: Any = self._client.connection_pool
        connection = await pool.get_connection()
        try:
            await connection.send_packed_command([b"".join([step.wire(VERSION) for step in steps])])
            return [await _answer(connection) for _ in steps]
        except BaseException:  # what is still on its way would be taken for the next one's answer
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)

    async def _load(self) -> None:
        await self._client.function_load(LIBRARY.replace("VERSION", VERSION), replace=True)

    async def _greet(self, connection: Connection) -> None:
        """Runs on every new connection, before anything is sent on it."""
        await connection.on_connect()
        await connection.send_command("INFO", "server")
        run_id = _run_id(str(await connection.read_response()))
        if self._run_id not in (None, run_id):
            raise Lost(f"the server's run_id is {run_id}; expected {self._run_id}: it restarted, or is another one")
        self._run_id = run_id

    async def _advance(self, effects: Sequence[Effects]) -> None:
        """Someone may empty the server just before a batch, whose watermarks then hide that what is below is gone."""
        first, reached = dict[str, int](), dict[str, int]()
        for origin in (each.origin for each in effects):
            field = f"{origin.topic}:{origin.partition}"
            first[field] = min(first.get(field, origin.offset), origin.offset)
            reached[field] = max(reached.get(field, 0), origin.offset + 1)
        before = {field: min(offset, self._reached.get(field, 0)) for field, offset in first.items()}
        if await self.carry_out([calls.advanced(self._processor, before, reached)]) == [0]:
            await self._distrust()
            raise Lost(f"progress of {self._processor} is behind; expected at least {before}")
        self._reached |= reached

    async def _distrust(self) -> None:
        """No watermark may keep the log from filling this server again."""
        pipe = self._client.pipeline(transaction=False)
        for bucket in range(BUCKETS):
            pipe.delete(projections.watermark(bucket, self._processor))
        await pipe.execute()


async def _answer(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def _topic_and_partition(field: str) -> tuple[str, int]:
    topic, _, partition = field.rpartition(":")
    return topic, int(partition)


def _run_id(info: str) -> str:
    return next(line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("run_id:"))
