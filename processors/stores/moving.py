"""Moves a bucket to another server while everything runs: nothing is lost, nothing is there twice.

1. *Fence*: no function changes the bucket on its old server any more; workers that want to, wait. What has been done is
   done, so what lies there now is the bucket as of the log so far.
2. *Copy*: every key of it, with when it expires.
3. *Switch*: the old server says where the bucket is. Workers read it when they open again, `api` and `ingest` with each
   request. Only now may the copy change, so whoever reads the old one meanwhile reads the truth.
4. *Clear*: after a pause longer than a request, the old copy goes. The fence stays, for workers that thaw late.

It may die between any two steps: the same command again goes on, and to the old server it takes the fence away.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from redis.asyncio import Redis

from processors.stores.shards import Shards
from schemas import projections, shards
from schemas.projections import CAUGHT_UP, EPOCH, FENCE, MOVED, Key, Processor
from schemas.shards import Table

PROCESSORS: tuple[Processor, ...] = get_args(Processor)
AT_ONCE = 500  # keys per round trip
GRACE_S = 10.0  # longer than a request takes that looked for the bucket before it moved


async def move(text: str, bucket: int, to: str, say: Callable[[str], None], grace_s: float = GRACE_S) -> Table:
    """The table (`text` is `REDIS_URL`) once the bucket is on the server `to`."""
    found = Shards(text)
    try:
        await found.open()
        before, given = found.table, shards.table(text)
    finally:
        await found.close()
    home = before.of(bucket)
    async with client(home) as source, client(to) as target:
        bearer = Bearer(bucket, source, target, to)
        if home == to:
            await bearer.lift(target)
            await _tidy(bucket, to, {*given.servers, *before.servers} - {to})
            say(f"bucket {bucket} is there")
        else:
            await bearer.carry(is_new=to not in before.servers, say=say)
            await asyncio.sleep(grace_s)
            await bearer.clear(source)
    return shards.moved(before if home != to else given, bucket, to)


async def _tidy(bucket: int, to: str, others: set[str]) -> None:
    """Whoever moved the bucket here may have died before the old copy went."""
    for url in others:
        async with client(url) as server, client(to) as target:
            if await server.hexists(MOVED, str(bucket)):
                await Bearer(bucket, server, target, to).clear(server)


class Busy(RuntimeError):
    """A replay compares or swaps the bucket just now."""


@dataclass(frozen=True)
class Bearer:
    """One bucket on its way."""

    bucket: int
    source: Any
    target: Any
    to: str

    async def carry(self, *, is_new: bool, say: Callable[[str], None]) -> None:
        """Fence, copy, switch."""
        await self._fence()
        await self.clear(self.target)
        count = 0
        async for keys in self._keys(self.source):
            count += await copied(keys, self.source, self.target)
        await self.lift(self.target)
        await self._introduce(is_new=is_new)
        await self._switch()
        say(f"bucket {self.bucket}: {count} keys are on their new server")

    async def lift(self, server: Any) -> None:
        """The server's functions change the bucket."""
        pipe = server.pipeline(transaction=True)
        for key in self._watermarks():
            pipe.hdel(key, FENCE)
        await pipe.execute()

    async def clear(self, server: Any) -> None:
        """Nothing of the bucket is on the server, and nothing comes: it is fenced."""
        await self._fence(server)
        kept = {key.encode() for key in self._watermarks()}
        async for keys in self._keys(server):
            gone = [key for key in keys if key not in kept]
            if gone:
                await server.unlink(*gone)

    async def _fence(self, server: Any = None) -> None:
        server = server or self.source
        for key in self._watermarks():
            if await server.hget(key, FENCE) not in (None, b"1"):
                raise Busy(f"bucket {self.bucket} is being replayed; let that end, or run it again without --swap")
        pipe = server.pipeline(transaction=True)
        for key in self._watermarks():
            pipe.hset(key, FENCE, 1)
        await pipe.execute()

    async def _introduce(self, *, is_new: bool) -> None:
        """The new server is as far as the old one; one that held nothing has nothing else to say."""
        pipe = self.target.pipeline(transaction=True)
        for processor in PROCESSORS:
            if is_new:
                pipe.delete(projections.held(processor), projections.progress(processor))
                if reached := await self.source.hgetall(projections.progress(processor)):
                    pipe.hset(projections.progress(processor), mapping=reached)
            pipe.sadd(projections.held(processor), self.bucket)
        if is_new:
            pipe.delete(CAUGHT_UP, EPOCH)
            if came := await self.source.smembers(CAUGHT_UP):
                pipe.sadd(CAUGHT_UP, *came)
            if epoch := await self.source.get(EPOCH):
                pipe.set(EPOCH, epoch)
        await pipe.execute()

    async def _switch(self) -> None:
        """Atomic on each server; by either half alone the bucket is where it was, or here."""
        await self.target.hdel(MOVED, self.bucket)
        pipe = self.source.pipeline(transaction=True)
        for processor in PROCESSORS:
            pipe.srem(projections.held(processor), self.bucket)
        pipe.hset(MOVED, self.bucket, self.to)
        await pipe.execute()

    async def _keys(self, server: Any) -> AsyncIterator[list[bytes]]:
        some: list[bytes] = []
        async for key in server.scan_iter(match=f"{{b{self.bucket:02d}}}:*", count=AT_ONCE):
            some.append(key)
            if len(some) == AT_ONCE:
                yield some
                some = []
        if some:
            yield some

    def _watermarks(self) -> list[Key]:
        return [projections.watermark(self.bucket, processor) for processor in PROCESSORS]


async def copied(keys: Sequence[bytes], source: Any, target: Any) -> int:
    """How many of the keys are on the target now, with when they expire; what was there is replaced."""
    asked = source.pipeline(transaction=False)
    for key in keys:
        asked.dump(key)
        asked.execute_command("PEXPIRETIME", key)
    answers = iter(await asked.execute())
    given = target.pipeline(transaction=False)
    for key, value, until_ms in zip(keys, answers, answers, strict=False):
        if value is not None:  # else it expired just now
            given.restore(key, max(until_ms, 0), value, replace=True, absttl=until_ms > 0)
    return len(await given.execute())


def client(url: str) -> Redis:
    """A client that gives bytes, and waits long: some commands carry a lot."""
    return Redis.from_url(url, socket_timeout=60)
