"""A worker process for the tests of the loop: its own topics, group and store, the real app, the real broker.

Takes one JSON argument (`Orders`). Its store remembers in Redis every effect in the order in which it came, so that a
test sees what was lost, what came twice, and what came out of order.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import redis.asyncio
import structlog

from processors.app import Pace, make_app
from processors.intents import Intent, Point
from processors.processor import Effects, Poison, Processor, Store
from processors.running import run
from processors.telemetry import Telemetry
from schemas.projections import Key
from schemas.settings import Settings
from schemas.topics import Topic


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    name: str  # group, and prefix of every key in Redis
    topics: tuple[str, ...]
    dead: str
    brokers: str
    redis: str
    partitions: int = 4
    instance: str = ""
    batch: int = 20
    slow_s: float = 0.0
    drain_s: float = 5.0
    timeout_s: float = 5.0


class Said(msgspec.Struct, frozen=True):
    """A record of these tests. `bad` makes the rule raise, `refused` the store."""

    n: int
    bad: bool = False
    refused: bool = False


_decoder = msgspec.json.Decoder(Said)

KEYS = ("memory", "progress", "applied", "workers")
# Effects of the batch, only while the memory is the one that this store was opened with. One step, as a store must be.
APPLY = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('LOST') end
redis.call('SADD', KEYS[4], ARGV[2])
for i = 3, #ARGV, 4 do
  redis.call('HSET', KEYS[2], ARGV[i] .. ':' .. ARGV[i+1], ARGV[i+2] + 1)
  if ARGV[i+3] ~= '' then redis.call('RPUSH', KEYS[3], ARGV[i] .. ':' .. ARGV[i+1] .. ':' .. ARGV[i+2]) end
end
return 1
"""


class Remembering:
    """A store in Redis: `<name>:memory` (who we are), `:progress`, `:applied` (every effect, in order).

    Besides `:workers` (who applied something) and `:down` (what the test wants it to do).
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._redis: Any = redis.asyncio.Redis.from_url(orders.redis, decode_responses=True)
        self._memory = ""

    def _key(self, name: str) -> str:
        return f"{self._orders.name}:{name}"

    async def open(self) -> None:
        await self._down()
        await self._remember()

    async def progress(self) -> Mapping[tuple[str, int], int]:
        await self._down()
        await self._remember()
        found = await self._redis.hgetall(self._key("progress"))
        return {(field.rpartition(":")[0], int(field.rpartition(":")[2])): int(at) for field, at in found.items()}

    async def apply(self, effects: Sequence[Effects]) -> None:
        await self._down()
        refused = {each.origin: "refused for good" for each in effects for x in each.intents if _text(x) == "refused"}
        if refused:
            raise Poison(refused)
        arguments: list[str | int] = [self._memory, os.getpid()]
        for each in effects:
            arguments += [each.origin.topic, each.origin.partition, each.origin.offset, "x" if each.intents else ""]
        await asyncio.sleep(self._orders.slow_s)
        await self._redis.eval(APPLY, len(KEYS), *(self._key(name) for name in KEYS), *arguments)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _remember(self) -> None:
        await self._redis.set(self._key("memory"), str(id(self)), nx=True)
        self._memory = await self._redis.get(self._key("memory"))

    async def _down(self) -> None:
        how = await self._redis.get(self._key("down"))
        if how == "hang":
            await asyncio.sleep(3600)
        if how:
            raise RuntimeError("the dependency is down")


def _text(intent: Intent) -> str:
    assert isinstance(intent, Point)
    return intent.value


def said(value: Said) -> Iterator[Intent]:
    if value.bad:
        raise ValueError(f"{value.n} is bad")
    yield Point(Key(str(value.n)), "refused" if value.refused else "fine")


def topic(name: str, partitions: int) -> Topic:
    return Topic(
        name=name,
        one_message_is="a number",
        key="none",
        partitions_local=partitions,
        partitions_production=partitions,
        config={},
        why="a test",
        decode=lambda key, value: _decoder.decode(value or b""),
    )


def store(orders: Orders) -> Store:
    return Remembering(orders)


async def main(orders: Orders) -> None:
    processor = Processor(
        name=cast(Any, orders.name),
        reads=tuple(topic(name, orders.partitions) for name in orders.topics),
        rule=said,
        store=lambda wiring: store(orders),
        batch=orders.batch,
    )
    settings = Settings(kafka_brokers=orders.brokers, instance=orders.instance)
    pace = Pace(
        timeout_s=orders.timeout_s,
        drain_s=orders.drain_s,
        look_s=0.3,
        commit_s=0.3,
        session_s=6,
        dead_topic=orders.dead,
    )
    telemetry = Telemetry()
    await run([make_app(processor, settings, telemetry, lambda: datetime.now(UTC), pace)], telemetry)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Orders)))
