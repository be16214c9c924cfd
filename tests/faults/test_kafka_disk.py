"""F17: the broker's disk is full, which ends it. Nothing is corrupt when it has room again.

A full disk needs a mount; a bound on the size of files (RLIMIT_FSIZE) fails the same write, of the same process.
"""

import asyncio
import os
import resource
from pathlib import Path

import pytest
from confluent_kafka import Producer
from kafka.admin import KafkaAdminClient

from local.stack import Stack
from tests.conftest import NAME
from tests.faults.broker import Broker, a_broker
from tests.faults.collecting import a_collector
from tests.faults.kafka_faults import stored, traffic
from tests.waiting import eventually

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(400)]

ROOM_BYTES = 24 << 20  # more than the indexes it makes at once (10 MB), less than a segment
FILLER = "filler"


async def test_a_broker_whose_disk_is_full_loses_nothing(tmp_path: Path) -> None:
    with a_broker(tmp_path, limits={resource.RLIMIT_FSIZE: ROOM_BYTES}) as broker:
        await asyncio.to_thread(a_topic_to_fill, broker)
        with a_collector(Stack.named(NAME), tmp_path, {"kafka_brokers": broker.proxied}) as collector:
            async with traffic(collector) as phones:
                await asyncio.to_thread(fill, broker)
                await asyncio.sleep(3)
                assert phones.took[-1].spooled
                broker.limits = {}
                await asyncio.to_thread(broker.start)
                await asyncio.to_thread(eventually, lambda: not phones.took[-1].spooled, within_s=60)

            assert phones.ledger.statuses == {200: len(phones.took)}
            await stored(broker, collector, phones)


def a_topic_to_fill(broker: Broker) -> None:
    admin: KafkaAdminClient = broker.admin()
    admin.create_topics({FILLER: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()


def fill(broker: Broker) -> None:
    """Writes until the broker has ended of it."""
    producer = Producer({"bootstrap.servers": broker.direct, "log_level": 2})
    for _ in range(2 * ROOM_BYTES // 500_000):
        producer.produce(FILLER, os.urandom(500_000))
    producer.flush(20)
    eventually(lambda: not broker.runs(), within_s=60)
    producer.purge()
    producer.flush(5)
