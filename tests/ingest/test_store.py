"""Kafka and the spool behind one door: what is accepted, where it goes, in which order it comes out."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingest.disk import Disk
from ingest.log import CIRCUIT_S, Log
from ingest.rules.records import Record
from ingest.rules.segments import Spooled
from ingest.spool import Allowance, claim
from ingest.store import Spools, Store
from ingest.telemetry import Telemetry
from schemas import events
from schemas.problems import Refusal
from schemas.settings import Settings
from schemas.topics import EVENTS
from tests import log
from tests.builders import NOON, a_track, an_events_record
from tests.ingest.test_batch import a_batch, posted
from tests.ingest.test_outage import NOWHERE
from tests.ingest.world import World
from tests.twins.disk import FailingDisk

ALLOWANCE = Allowance(1 << 20, 1.0)


def a_person() -> str:
    return f"spooled-{uuid4()}"


def a_record(person: str, number: int) -> Record:
    record = msgspec.structs.replace(an_events_record([a_track(f"E{number}")], key=person), batch_id=str(number))
    return Record("app", person, 1, events.encode(record))


@asynccontextmanager
async def running(root: Path, brokers: str, disk: Disk | None = None) -> AsyncIterator[tuple[Store, Log, Telemetry]]:
    telemetry = Telemetry()
    door = Log(brokers, telemetry)
    store = Store(door, Spools(root, ALLOWANCE, disk or Disk()), telemetry, lambda: NOON)
    try:
        yield store, door, telemetry
    finally:
        await store.close()
        await door.close(within_s=0.1)


def batches_of(settings: Settings, person: str) -> list[str]:
    found = [record for record in log.records(settings, EVENTS) if record.key == person.encode()]
    return [events.decode(record.value).batch_id for record in found]


async def until_batches(settings: Settings, person: str, count: int) -> list[str]:
    deadline = time.monotonic() + 20
    while len(found := await asyncio.to_thread(batches_of, settings, person)) < count:
        assert time.monotonic() < deadline, found
    return found


async def test_without_kafka_a_batch_is_on_disk_within_a_second_and_the_next_at_once(settings: Settings) -> None:
    async with World.running(msgspec.structs.replace(settings, kafka_brokers=NOWHERE)) as world:
        first, first_s = await timed(world)
        second, second_s = await timed(world)
        ready = await world.http.get("/ready")
        told = levels((await world.http.get("/metrics")).text)

    for answer in (first, second):
        assert (answer.status_code, answer.json()) == (200, {"success": True, "results": [], "durability": "spool"})
    assert (first_s < 3 * CIRCUIT_S, second_s < CIRCUIT_S) == (True, True)  # a busy machine is late
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "kafka": False})
    assert (told["events_spooled_total"], told["circuit_state"]) == (2, 1)
    assert told["events_received_total"] == 2
    assert "events_stored_total" not in told


async def timed(world: World) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    return await posted(world, a_batch()), time.monotonic() - began


def levels(text: str) -> dict[str, float]:
    """Metric -> the sum over its labels."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


async def test_what_was_spooled_is_drained_in_order_by_the_next_process(settings: Settings, tmp_path: Path) -> None:
    person = a_person()
    async with running(tmp_path, NOWHERE) as (store, _, _):
        for number in range(5):
            assert await store.events(a_record(person, number), "t") == "spool"

    async with running(tmp_path, settings.kafka_brokers) as (store, _, telemetry):
        await store.start()
        assert await store.events(a_record(person, 5), "t") == "spool", "live events queue behind the spooled ones"
        found = await until_batches(settings, person, 6)
        await until_log(store, person)
        told = levels(telemetry.exposition().decode())

    assert found == ["0", "1", "2", "3", "4", "5"]
    assert (told["events_drained_total"], told["spool_bytes"], told["events_stored_total"]) == (6, 0, 1)


async def until_log(store: Store, person: str) -> None:
    deadline = time.monotonic() + 5
    while await store.events(a_record(f"{person}-probe", 0), "t") != "log":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def test_what_a_worker_that_is_gone_left_is_drained_by_another(settings: Settings, tmp_path: Path) -> None:
    person = a_person()
    first, gone = claim(tmp_path, Disk(), ALLOWANCE), claim(tmp_path, Disk(), ALLOWANCE)
    record = a_record(person, 0)
    await gone.append(Spooled(NOON, "app", 1, "t", person, record.value))
    await gone.close()
    await first.close()

    async with running(tmp_path, settings.kafka_brokers) as (store, _, _):
        await store.start()

        assert await until_batches(settings, person, 1) == ["0"]


async def test_with_a_disk_that_takes_nothing_kafka_alone_serves(settings: Settings, tmp_path: Path) -> None:
    person = a_person()
    async with running(tmp_path, settings.kafka_brokers, FailingDisk.read_only()) as (store, _, _):
        assert await store.events(a_record(person, 0), "t") == "log"
        assert not await store.works()

    assert batches_of(settings, person) == ["0"]


async def test_a_disk_that_fills_up_while_it_is_drained_sends_events_to_kafka(
    settings: Settings, tmp_path: Path
) -> None:
    person, disk = a_person(), FailingDisk()
    async with running(tmp_path, NOWHERE) as (store, _, _):
        await store.events(a_record(person, 0), "t")

    disk.write_error = errno.ENOSPC
    async with running(tmp_path, settings.kafka_brokers, disk) as (store, _, _):
        await store.start()
        assert await store.events(a_record(person, 1), "t") == "log"
        found = await until_batches(settings, person, 2)

    assert sorted(found) == ["0", "1"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
async def test_without_kafka_a_failing_disk_is_never_a_2xx_and_recovers(tmp_path: Path, code: int) -> None:
    async with running(tmp_path, NOWHERE, disk := FailingDisk()) as (store, _, _):
        disk.write_error = code
        for number in range(3):
            with pytest.raises(Refusal) as refused:
                await store.events(a_record("ana", number), "t")
            assert (refused.value.refused.retry_after_s or 0) >= 1
        assert not await store.works()
        disk.write_error = 0

        assert await store.events(a_record("ana", 3), "t") == "spool"
        assert await store.works()
