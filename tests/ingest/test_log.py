import asyncio
import time

import pytest
from kafka.partitioner.default import murmur2

from ingest.log import DELIVERY_S, Log
from ingest.telemetry import Telemetry
from local.stack import Stack
from schemas import facts
from schemas.problems import Refusal
from schemas.topics import FACTS, SECRETS
from tests.builders import a_user, user_followed
from tests.ingest.recorded import record_at

NOBODY = "127.0.0.1:1"


async def test_what_is_appended_stands_where_the_answer_says(parts: Stack) -> None:
    log, fact = Log(parts.settings.kafka_brokers, Telemetry()), user_followed(a_user("ben"), a_user("ana"))

    origin = await log.fact(fact, "trace-1")

    assert origin.topic == FACTS.name
    key, value, headers = record_at(parts.settings, origin)
    assert key == str(fact.by).encode()
    assert facts.decode(value) == fact
    assert headers == {"schema": b"facts.v1", "trace": b"trace-1"}
    await log.close()


async def test_the_end_of_a_secret_is_a_tombstone(parts: Stack) -> None:
    log = Log(parts.settings.kafka_brokers, Telemetry())

    origin = await log.end_secret("session:abc", "trace-1")

    assert origin.topic == SECRETS.name
    assert record_at(parts.settings, origin)[:2] == (b"session:abc", None)
    await log.close()


async def test_a_key_lands_on_the_partition_that_every_client_of_ours_computes(parts: Stack) -> None:
    log = Log(parts.settings.kafka_brokers, Telemetry())

    for name in ("ana", "ben", "cleo", "ø", "934671189654798336"):
        origin = await log.end_secret(f"session:{name}", "t")
        assert origin.partition == (murmur2(f"session:{name}".encode()) & 0x7FFFFFFF) % SECRETS.partitions_local
    await log.close()


async def test_a_producer_that_was_replaced_still_answers_for_what_it_held(parts: Stack) -> None:
    log = Log(parts.settings.kafka_brokers, Telemetry())
    held = asyncio.create_task(log.end_secret("session:a", "t"))
    await asyncio.sleep(0)

    log._renew()

    origins = [await held, await log.end_secret("session:a", "t")]
    assert origins[0] < origins[1]
    await log.close()


async def test_without_kafka_a_record_is_refused_in_time() -> None:
    log, began = Log(NOBODY, Telemetry()), time.monotonic()

    with pytest.raises(Refusal, match="unavailable"):
        await log.end_secret("session:abc", "trace-1")

    assert time.monotonic() - began < 3 * DELIVERY_S  # a busy machine is late, but not for ever
    assert not await log.reachable(within_s=0.2)
    await log.close()
