"""The live counts after twenty random kills are those of a count over the log, field by field."""

import asyncio
import os
import random
import time
from collections import Counter
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from local.stack import Stack
from schemas import events, facts
from schemas.facts import type_name
from schemas.projections import active, minute
from tests.faults.sinking import Orders
from tests.faults.sinks import Bench, event_batches, follows, now, processes
from tests.valkey import running_valkey
from tests.waiting import eventually

KILLS = 20
EVENTS, FACTS = 60_000, 12_000
SEED = int(os.environ.get("METRICS_CHAOS_SEED", time.time_ns() % 1_000_000))


class Clock:
    """Spreads the records over some minutes, and over midnight."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._base = now().replace(hour=23, minute=58, second=30) - timedelta(days=1)

    def __call__(self) -> datetime:
        return self._base + timedelta(seconds=self._chance.uniform(0, 240))


def counted(bench: Bench) -> tuple[dict[str, Counter[str]], dict[str, set[str]]]:
    """By hand, past the rules: key of the minute -> field -> how many, key of the day -> people."""
    counts: dict[str, Counter[str]] = {}
    people: dict[str, set[str]] = {}
    of_events, of_facts = bench.topics
    for record in bench.records(of_events):
        batch = events.decode(record.value)
        found = counts.setdefault(minute(batch.received_at), Counter())
        for _, event in events.indexed(batch):
            found.update(("events", f"events:{event.type}"))
        people.setdefault(active(batch.received_at), set()).add(batch.key)
    for record in bench.records(of_facts):
        fact = facts.decode(record.value)
        counts.setdefault(minute(fact.at), Counter()).update(("facts", f"facts:{type_name(fact)}"))
        people.setdefault(active(fact.at), set()).add(fact.by)
    return counts, people


def under_kills(bench: Bench, orders: Orders, folder: Path, chance: random.Random) -> None:
    """Two workers; the log is filled a share at a time, and after each share one of them dies."""
    clock = Clock(chance)
    batches, made = event_batches("m", EVENTS, chance, clock), follows(FACTS, clock)
    both = [msgspec.structs.replace(orders, instance=name) for name in ("a", "")]
    with processes(both, folder) as workers, bench.producing() as producer:
        for kill in range(KILLS + 1):
            last = kill == KILLS
            for topic, values, total in zip(bench.topics, (batches, made), (EVENTS // 300, FACTS), strict=True):
                for value in islice(values, None if last else total // KILLS):
                    producer.send(topic.name, value)
            producer.flush(60)
            if not last:
                time.sleep(chance.uniform(0.5, 6.0))
                worker = chance.choice(workers)
                worker.kill()
                worker.start()
        eventually(lambda: bench.behind() == 0, within_s=300, every_s=1)


@pytest.mark.nightly
@pytest.mark.timeout(1_200)
async def test_live_counts_are_those_of_the_log_after_twenty_kills(parts: Stack, tmp_path: Path) -> None:
    print(f"METRICS_CHAOS_SEED={SEED}")
    with running_valkey(tmp_path) as server:
        settings = msgspec.structs.replace(parts.settings, redis_url=server.url)
        bench = Bench(settings, partitions=4)
        bench.create_topics()
        orders = Orders(group=bench.group, prefix=bench.prefix, partitions=4, settings=settings)

        await asyncio.to_thread(under_kills, bench, orders, tmp_path, random.Random(SEED))

        counts, people = await asyncio.to_thread(counted, bench)
        assert sum(found["events"] for found in counts.values()) == EVENTS
        assert sum(found["facts"] for found in counts.values()) == FACTS
        async with Redis.from_url(server.url, decode_responses=True) as redis:
            live = {key: {name: int(n) for name, n in (await redis.hgetall(key)).items()} for key in counts}
            assert live == counts
            assert {str(key) async for key in redis.scan_iter("*:m:*")} == set(counts)
            for day, members in people.items():
                await redis.pfadd("{b00}:again", *members)
                assert await redis.pfcount(day) == await redis.pfcount("{b00}:again")
                await redis.delete("{b00}:again")
    print(f"{KILLS} kills, {len(counts)} minutes, {len(people)} days equal")
