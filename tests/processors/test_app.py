"""One `make_app` for all: the settings that the loop leans on, and where a key's records go."""

import random
from pathlib import Path
from typing import cast

import confluent_kafka
import pytest
from aiokafka.partitioner import DefaultPartitioner
from kafka import KafkaProducer
from structlog.testing import capture_logs

from local.stack import Stack
from processors.agents import PROCESSORS
from processors.app import App, make_app
from processors.memory import Memory
from processors.telemetry import Telemetry
from schemas.settings import Settings
from tests.builders import NOON
from tests.processors.loops import PARTITIONS, Laboratory, laboratory


@pytest.fixture
async def apps() -> dict[str, App]:
    settings = Settings(instance="7", kafka_brokers="127.0.0.1:1,127.0.0.1:2")
    return {each.name: make_app(each, settings, Telemetry(), lambda: NOON) for each in PROCESSORS}


async def test_every_processor_is_a_group_of_its_own_with_a_stable_member(apps: dict[str, App]) -> None:
    assert {app.conf.id for app in apps.values()} == {"develop", "feeds", "views", "metrics", "warehouse"}
    assert apps["views"].conf.consumer_group_instance_id == "views-7"


async def test_no_member_is_static_without_a_stable_ordinal() -> None:
    app = make_app(PROCESSORS[0], Settings(), Telemetry(), lambda: NOON)

    assert app.conf.consumer_group_instance_id is None


async def test_the_buffer_holds_five_polls_of_all_topics(apps: dict[str, App]) -> None:
    assert apps["develop"].conf.stream_buffer_maxsize == 5 * 12 * 8
    assert apps["metrics"].conf.stream_buffer_maxsize == 5 * 12 * (8 + 8)


async def test_nothing_is_acknowledged_or_produced_by_halves(apps: dict[str, App]) -> None:
    for app in apps.values():
        assert app.conf.producer_acks == -1
        assert app.conf.stream_wait_empty
        assert str(app.conf.processing_guarantee.value) == "at_least_once"
        assert not app.conf.web_enabled
        assert not app.conf.topic_allow_declare


async def test_an_app_leaves_no_folder_behind(
    apps: dict[str, App], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    await apps["views"].on_first_start()

    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - a folder of the test's own


class Broken:
    """A memory with a bug in it, until it is mended."""

    error: Exception | None = None

    async def look(self) -> None:
        if self.error:
            raise self.error


async def test_what_keeps_a_processor_from_its_store_is_said_aloud_and_once(apps: dict[str, App]) -> None:
    app, memory = apps["views"], Broken()
    app.memory = cast(Memory, memory)
    said = ""
    with capture_logs() as lines:
        for memory.error in (TypeError("a bug"), TypeError("a bug"), OSError("away"), None, OSError("away")):
            said = await app._look(said)

    assert [line["error"] for line in lines] == ["TypeError('a bug')", "OSError('away')", "OSError('away')"]
    assert all(line["log_level"] == "error" and line["exc_info"] for line in lines)


def test_a_key_goes_where_every_other_client_sends_it(parts: Stack, tmp_path: Path) -> None:
    """Java's murmur2, as the collector asks librdkafka for it and as kafka-python does it by itself."""
    keys = [random.Random(seed).randbytes(seed % 40 + 1) for seed in range(300)]
    with laboratory(parts.settings, tmp_path) as lab:
        partitions = list(range(PARTITIONS))
        ours = [DefaultPartitioner()(key, partitions, partitions) for key in keys]

        assert ours == by_librdkafka(lab, keys)
        assert ours == by_kafka_python(lab, keys)


def by_librdkafka(lab: Laboratory, keys: list[bytes]) -> list[int]:
    settings = {"bootstrap.servers": lab.settings.kafka_brokers, "partitioner": "murmur2_random"}
    producer, found = confluent_kafka.Producer(settings), dict[bytes, int]()
    for key in keys:
        producer.produce(
            lab.topic, b"", key, on_delivery=lambda _, sent: found.update({sent.key() or b"": sent.partition() or 0})
        )
    producer.flush(20)
    return [found[key] for key in keys]


def by_kafka_python(lab: Laboratory, keys: list[bytes]) -> list[int]:
    producer = KafkaProducer(bootstrap_servers=lab.settings.brokers)
    sent = [producer.send(lab.topic, key=key, value=b"") for key in keys]
    found = [int(future.get(20).partition) for future in sent]
    producer.close()
    return found
