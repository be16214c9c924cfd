"""Claim: what a delivery costs Redis, and us. About a minute, on a Valkey of its own.

    .venv/bin/python -m bench.fanout

One author's photos go to their followers' feeds by our feeds store, by redis-py's pipeline of LPUSH and LTRIM, by a
pipeline of ZADD and ZREMRANGEBYRANK and, as a floor that checks and trims nothing, by LPUSHX alone; in turn, with the
CPU of both sides. Our feeds and the floor's lists are full; those of the pipeline and the ZSETs grow while it runs.
Deliveries per Redis core are those per CPU second of the server; the pace is what one worker with one Redis reaches:
those per CPU second of the busier side. `sealed` photos are revealed tomorrow, one second for all; what
most photos of a day are. `late` ones belong anywhere in the newer half of a full feed, as most do in a replay.
"""

import asyncio
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from redis.asyncio import Redis

from processors.intents import Publish
from processors.processor import Effects
from processors.stores.projections import Projections
from schemas import ids, projections, tails
from schemas.ids import BUCKETS, PhotoId, UserId
from schemas.projections import FEED_CAP
from schemas.topics import Origin
from tests.valkey import Valkey, running_valkey

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FOLLOWERS = 9_000  # just not pulled
ROUNDS, PHOTOS = 5, 8
LONG_AGO = NOON - timedelta(days=2)
CORE_GOAL, RATIO_GOAL, BYTES_GOAL = 400_000, 3.2, 12.0


class Cost(NamedTuple):
    """CPU microseconds per delivery."""

    server: float
    client: float

    @property
    def pace(self) -> float:
        """Deliveries per second when both sides have a core."""
        return 1e6 / max(self)


def a_user(number: int) -> UserId:
    return UserId(ids.compose(NOON - timedelta(days=9), number % BUCKETS, number))


AUTHOR = a_user(0)
Publishing = Callable[[list[PhotoId]], Awaitable[None]]
Taking = Callable[[int, int], list[PhotoId]]  # round, how many -> photos


def photos(start: int, count: int, at: datetime = NOON - timedelta(hours=1)) -> list[PhotoId]:
    """Each newer than the one before."""
    return [PhotoId(ids.compose(at, ids.bucket(AUTHOR), start + n)) for n in range(count)]


def standing() -> list[PhotoId]:
    """What full feeds hold, newest first: every other photo of one second, so that others fit in between."""
    return photos(1, 2 * FEED_CAP, LONG_AGO)[::-2]


def newest(turn: int, count: int) -> list[PhotoId]:
    """Newer than all before."""
    return photos(1 + turn * count, count)


def tomorrows(turn: int, count: int) -> list[PhotoId]:
    """Likewise, and still to be revealed."""
    return photos(1 + turn * count, count, NOON + timedelta(days=1))


def late(turn: int, count: int) -> list[PhotoId]:
    """Each fits somewhere into the newer half of what stands."""
    gaps = list(range(FEED_CAP + 1, 2 * FEED_CAP, 2))
    Random(7).shuffle(gaps)
    return [photos(gap, 1, LONG_AGO)[0] for gap in gaps[turn * count : (turn + 1) * count]]


async def followed(redis: Redis, readers: list[UserId]) -> None:
    """Full feeds of everybody, and the author's follower sets."""
    old = standing()
    for start in range(0, len(readers), 250):
        pipe = redis.pipeline(transaction=False)
        for reader in readers[start : start + 250]:
            pipe.rpush(projections.feed(reader), *old, tails.complete_from(int(old[-1])))
            pipe.rpush(f"x:{reader}", *old)
            pipe.rpush(projections.sealed(reader), tails.SENTINEL)
            pipe.sadd(projections.followers_in(AUTHOR, ids.bucket(reader)), reader)
        await pipe.execute()


def ours(store: Projections, partition: int) -> Publishing:
    """Our path: the store as the processor calls it, one record per photo, in a partition of its own."""
    offsets = itertools.count()

    async def publish(new: list[PhotoId]) -> None:
        origins = (Origin("facts.v1", partition, next(offsets)) for _ in new)
        await store.apply([Effects(at, (Publish(AUTHOR, photo),)) for at, photo in zip(origins, new, strict=True)])

    return publish


def pipelined(redis: Redis, readers: list[UserId]) -> Publishing:
    """What everybody writes first."""
    keys = [f"l:{reader}" for reader in readers]

    async def publish(new: list[PhotoId]) -> None:
        for photo in new:
            pipe = redis.pipeline(transaction=False)
            for key in keys:
                pipe.lpush(key, photo)
                pipe.ltrim(key, 0, FEED_CAP - 1)
            await pipe.execute()

    return publish


def bare(redis: Redis, readers: list[UserId]) -> Publishing:
    """What no delivery to a list can do without; to lists as full as ours."""
    keys = [f"x:{reader}" for reader in readers]

    async def publish(new: list[PhotoId]) -> None:
        for photo in new:
            pipe = redis.pipeline(transaction=False)
            for key in keys:
                pipe.lpushx(key, photo)
            await pipe.execute()

    return publish


def sorted_sets(redis: Redis, readers: list[UserId]) -> Publishing:
    """With the photo's place as its score, as far as a double holds it."""
    keys = [f"z:{reader}" for reader in readers]

    async def publish(new: list[PhotoId]) -> None:
        for photo in new:
            pipe = redis.pipeline(transaction=False)
            for key in keys:
                pipe.zadd(key, {photo: float(photo)})
                pipe.zremrangebyrank(key, 0, -FEED_CAP - 1)
            await pipe.execute()

    return publish


async def costs(server: int, publish: Publishing, new: list[PhotoId], readers: int) -> Cost:
    before, here = cpu_s(server), time.process_time()
    await publish(new)
    after, there = cpu_s(server), time.process_time()
    deliveries = len(new) * readers / 1e6
    return Cost((after - before) / deliveries, (there - here) / deliveries)


def cpu_s(pid: int) -> float:
    """Of all threads, from the scheduler's own account: clock ticks are ten milliseconds long."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


async def bytes_per_entry(redis: Redis, key: str, count: str) -> float:
    pipe = redis.pipeline(transaction=False)
    pipe.execute_command("MEMORY USAGE", key, "SAMPLES", 0)
    pipe.execute_command(count, key)
    used, entries = await pipe.execute()
    return float(used) / int(entries)


async def measured(valkey: Valkey, server: int, count: int) -> dict[str, list[Cost]]:
    """The costs of each path, round by round, for an author of so many followers."""
    readers = [a_user(number) for number in range(count)]
    redis = Redis.from_url(valkey.url, decode_responses=True, socket_timeout=60)
    await redis.flushall()
    await followed(redis, readers)
    stores = [Projections("feeds", valkey.url, lambda: NOON) for _ in range(3)]
    for store in stores:
        await store.open()
    plain, sealed, tardy = (ours(store, partition) for partition, store in enumerate(stores))
    batch = PHOTOS if count == FOLLOWERS else 4 * PHOTOS
    paths: dict[str, tuple[Publishing, Taking]] = {
        "ours": (plain, newest),
        "ours, sealed": (sealed, tomorrows),
        "ours, late": (tardy, late),
        "pipeline": (pipelined(redis, readers), newest),
        "ZSET": (sorted_sets(redis, readers), newest),
        "LPUSHX alone": (bare(redis, readers), newest),
    }
    found: dict[str, list[Cost]] = {name: [] for name in paths}
    for turn in range(ROUNDS + 1):
        for name, (publish, taken) in paths.items():
            cost = await costs(server, publish, taken(turn, batch), count)
            found[name] += [cost] if turn else []  # the first round warms up
    if count == FOLLOWERS:
        await tell_bytes(redis, readers[-1])
    for store in stores:
        await store.close()
    await redis.aclose()
    return found


async def tell_bytes(redis: Redis, reader: UserId) -> None:
    feed = await bytes_per_entry(redis, projections.feed(reader), "LLEN")
    pipe = redis.pipeline(transaction=False)
    for photo in standing():
        pipe.zadd("z:full", {photo: float(photo)})
    await pipe.execute()
    print(f"bytes per entry of a full feed: ours {feed:.1f}, ZSET {await bytes_per_entry(redis, 'z:full', 'ZCARD'):.1f}"
          f"   claim <= {BYTES_GOAL:g} {'' if feed <= BYTES_GOAL else 'MISSED'}")  # fmt: skip


def table(count: int, found: dict[str, list[Cost]], *, is_claimed: bool) -> None:
    middle = {
        name: Cost(*(statistics.median(side) for side in zip(*each, strict=True))) for name, each in found.items()
    }
    print(f"{count} followers; median of {ROUNDS} rounds; CPU us per delivery")
    print(f"  {'':14} {'Redis':>7} {'client':>7} {'per Redis core':>15} {'pace':>9} {'x pipeline':>11}")
    for name, cost in middle.items():
        ratio, core = cost.pace / middle["pipeline"].pace, 1e6 / cost.server
        kept = core >= CORE_GOAL and ratio >= RATIO_GOAL
        claim = f"claim >= {CORE_GOAL} and >= {RATIO_GOAL} x {'' if kept else 'MISSED'}"
        print(
            f"  {name:14} {cost.server:7.2f} {cost.client:7.2f} {core:15,.0f} {cost.pace:9,.0f} {ratio:11.1f}   "
            f"{claim if is_claimed and name == 'ours' else ''}"
        )


async def main() -> None:
    print(f"load before {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder, running_valkey(Path(folder)) as valkey:
        server = valkey.pid
        for count in (FOLLOWERS, 200):
            table(count, await measured(valkey, server, count), is_claimed=count == FOLLOWERS)
    print(f"load after {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    asyncio.run(main())
