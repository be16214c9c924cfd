"""A million events and a hundred thousand facts, sinks killed and frozen, BigQuery killed: every row stands once.

`SINK_CHAOS_EVENTS`, `_FACTS`, `_KILLS`, `_RESTARTS` and `_SEED` change the size and repeat a run. With `-s` it says how
far it is. Between two kills the group commits something: sinks that are killed before they begin show nothing.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaProducer

from local import health, supervision
from local.stack import Stack
from processors.ledger import Ledger
from processors.verify import verify
from tests.faults.sinking import SESSION_S
from tests.faults.sinks import Bench, Process, Sinks, event_batches, follows, now, processes, sinks
from tests.waiting import eventually

EVENTS = int(os.environ.get("SINK_CHAOS_EVENTS", 1_000_000))
FACTS = int(os.environ.get("SINK_CHAOS_FACTS", 100_000))
KILLS = int(os.environ.get("SINK_CHAOS_KILLS", 50))
RESTARTS = int(os.environ.get("SINK_CHAOS_RESTARTS", 5))
SEED = int(os.environ.get("SINK_CHAOS_SEED", time.time_ns() % 1_000_000))
FREEZES = 3
QUIET_S = 2_400  # patience at the end: what is left is written, by a machine that does other things, too
PROGRESS_S = 600  # patience for a commit: two workers start, take over and write, while a rival and others do, too
TELL_EVERY_S = 20


@dataclass
class Chaos:
    """Two workers of the group, one of another group that fights them for every partition, and the emulator."""

    stack: Stack
    bench: Bench
    workers: list[Process]
    rival: Process
    chance: random.Random
    kills: int = 0
    restarts: int = 0
    freezes: int = 0
    began: float = field(default_factory=time.monotonic)

    def step(self, number: int) -> None:
        """Some work is done, then a worker dies; now and then more than that happens."""
        self.rival.start()
        self._progress()
        time.sleep(self.chance.uniform(0.2, 4.0))
        if number % (KILLS // FREEZES or 1) == 1:
            self._freeze()
        if self.restarts < RESTARTS and number % (KILLS // RESTARTS or 1) == 0:
            self._restart_emulator()
        victim = self.chance.choice([*self.workers, self.rival])
        victim.kill()
        self.kills += 1
        if victim is not self.rival:
            victim.start()

    def _progress(self) -> None:
        """The group has committed more, or all there is."""
        before = self.bench.done()
        eventually(lambda: self.bench.done() > before or not self.bench.behind(), within_s=PROGRESS_S, every_s=0.5)
        self.tell(f"{before} records committed before, {self.bench.behind()} to go")

    def tell(self, what: str) -> None:
        """A line for whoever waits."""
        print(
            f"{time.monotonic() - self.began:5.0f} s, {self.kills} kills, {self.restarts} restarts: {what}", flush=True
        )

    def _freeze(self) -> None:
        """Long enough for the other worker to get its partitions; then it wakes as a zombie with a batch in hand."""
        self.chance.choice(self.workers).freeze(SESSION_S + 3)
        self.freezes += 1

    def _restart_emulator(self) -> None:
        before = supervision.pid(self.stack, "bigquery")
        os.kill(before, signal.SIGKILL)
        eventually(lambda: supervision.pid(self.stack, "bigquery") not in (0, before), within_s=120)
        eventually(lambda: health.healthy(self.stack, "bigquery"), within_s=120)
        self.restarts += 1


def feed(producer: KafkaProducer, topic: str, values: Iterator[bytes], count: int) -> None:
    """The next so many records, over all partitions."""
    for future in [producer.send(topic, value) for value in islice(values, count)]:
        future.get(60)


def under_chaos(chaos: Chaos, sinks: Sinks, run: str) -> None:
    """The log is filled a share at a time, so that there is work to interrupt until the last kill."""
    batches, facts = event_batches(run, EVENTS, chaos.chance, now), follows(FACTS, now)
    topics = sinks.bench.topics
    with sinks.bench.producing() as producer:
        for number in range(KILLS):
            feed(producer, topics[0].name, batches, EVENTS // 300 // KILLS)
            feed(producer, topics[1].name, facts, FACTS // KILLS)
            chaos.step(number)
        feed(producer, topics[0].name, batches, EVENTS)
        feed(producer, topics[1].name, facts, FACTS)


def drained(chaos: Chaos) -> None:
    """The rest is written, by the group alone."""
    deadline = time.monotonic() + QUIET_S
    while behind := chaos.bench.behind():
        assert time.monotonic() < deadline, f"{behind} records are not committed after {QUIET_S} s"
        chaos.tell(f"{behind} to go")
        time.sleep(TELL_EVERY_S if behind > 1_000 else 1)


@pytest.mark.nightly
@pytest.mark.timeout(5_000)
async def test_whatever_dies_bigquery_holds_each_event_and_each_fact_once(parts: Stack, tmp_path: Path) -> None:
    print(f"SINK_CHAOS_SEED={SEED}")
    run = f"c{SEED}"
    async with sinks(parts) as found:
        group = [msgspec.structs.replace(found.orders, instance=name) for name in ("a", "")]
        rival = msgspec.structs.replace(found.orders, group=f"{found.bench.prefix}rival")
        with processes([*group, rival], tmp_path) as (*workers, other):
            chaos = Chaos(parts, found.bench, workers, other, random.Random(SEED))
            await asyncio.to_thread(under_chaos, chaos, found, run)
            other.kill()
            await asyncio.to_thread(drained, chaos)
        ledger = await verify(found.stand.settings, scope=found.scope)
        chaos.tell(f"{chaos.freezes} freezes; {ledger.summary}")
        assert_whole(ledger)
        await assert_each_once(found, run)
    assert (chaos.kills, chaos.restarts) >= (KILLS, RESTARTS)


def assert_whole(ledger: Ledger) -> None:
    """By the ledger."""
    lines = ledger.lines.values()
    assert ledger.holds(), str(ledger)
    assert sum(line.due for line in lines) == sum(line.stored for line in lines) == EVENTS + FACTS
    assert sum(line.waiting + line.dead for line in lines) == 0


async def assert_each_once(found: Sinks, run: str) -> None:
    """By SQL that knows only the ids which were made: 0 to n-1 are n distinct numbers, and there are n rows."""
    events, facts = found.bench.topics
    number = f"cast(substr(event_id, {len(run) + 2}) as int64)"
    rows = "count(*) as n, count(distinct {0}) as distinct_ids, min({0}) as low, max({0}) as high"
    stored = await found.ask(events, rows.format(number))
    assert dict(stored) == {"n": EVENTS, "distinct_ids": EVENTS, "low": 0, "high": EVENTS - 1}
    stored = await found.ask(facts, "count(*) as n, count(distinct fact_id) as distinct_ids")
    assert dict(stored) == {"n": FACTS, "distinct_ids": FACTS}
