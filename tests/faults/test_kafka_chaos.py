"""A hundred faults of Kafka, its network and the collector, at random and under traffic: no accepted event is lost."""

import asyncio
import random
import time
from collections import Counter

import pytest

from tests.faults.broker import Broker
from tests.faults.collecting import Collector
from tests.faults.kafka_faults import DRAIN_S, Chaos, traffic
from tests.faults.ledger import check

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]

INJECTIONS = 110


async def test_a_hundred_faults_at_random_lose_nothing(broker: Broker, collector: Collector) -> None:
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    chaos = Chaos(broker, collector, random.Random(seed))
    done = Counter[str]()
    async with traffic(collector) as phones:
        while done.total() < INJECTIONS:
            done[fault := await chaos.inject()] += 1
            print(f"{done.total()} {fault}", flush=True)

    await asyncio.to_thread(collector.drained, DRAIN_S)
    found = await asyncio.to_thread(check, broker.settings, phones.ledger)
    print(f"{done.total()} faults: {dict(done)}")
    print(f"{len(phones.ledger.accepted)} events accepted, {found.twice} stand twice in the log")
    assert len(phones.ledger.accepted) > 100 * INJECTIONS, "hardly anything was accepted: the test showed nothing"
