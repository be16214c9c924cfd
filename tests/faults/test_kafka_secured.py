"""F19: Kafka wants TLS and a password, and one of them is wrong. Ready through the spool, and never a plain word."""

import asyncio
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from local.stack import Stack
from tests.conftest import NAME
from tests.faults.broker import Broker, a_broker
from tests.faults.certificates import Authority
from tests.faults.collecting import Collector, a_collector
from tests.faults.kafka_faults import stored, traffic
from tests.faults.ledger import check
from tests.waiting import eventually

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(400)]

TLS = {b"\x16"}  # what every connection begins with
VALID, EXPIRED = timedelta(days=1), timedelta(hours=-1)
WRONG_S = 5.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secured")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    authority = Authority(folder)
    authority.sign(folder / "keystore.pem", VALID)
    return authority


@pytest.fixture(scope="module")
def broker(folder: Path, authority: Authority) -> Iterator[Broker]:
    knows = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_ingest="right";'
    with a_broker(
        folder,
        listener_security_protocol_map="DIRECT:PLAINTEXT,PROXIED:SASL_SSL,CONTROLLER:PLAINTEXT",
        listener_name_proxied_ssl_keystore_type="PEM",
        listener_name_proxied_ssl_keystore_location=folder / "keystore.pem",
        listener_name_proxied_sasl_enabled_mechanisms="PLAIN",
        listener_name_proxied_plain_sasl_jaas_config=knows,
    ) as broker:
        yield broker


@pytest.fixture
def collector(broker: Broker, authority: Authority, tmp_path: Path) -> Iterator[Collector]:
    settings = {
        "kafka_brokers": broker.proxied,
        "kafka_security": "sasl_ssl",
        "kafka_ssl_ca": authority.ca,
        "kafka_sasl_mechanism": "PLAIN",
        "kafka_username": "ingest",
        "kafka_password": "right",
    }
    with a_collector(Stack.named(NAME), tmp_path, settings) as collector:
        yield collector


async def test_with_a_wrong_password_events_wait_for_the_right_one(broker: Broker, collector: Collector) -> None:
    collector.kill()
    right = collector.environment
    collector.environment = {**right, "KAFKA_PASSWORD": "wrong"}
    await asyncio.to_thread(collector.start)
    async with traffic(collector) as phones:
        await asyncio.sleep(WRONG_S)
        assert await asyncio.to_thread(collector.ready)
        assert await asyncio.to_thread(collector.metric, "circuit_state") == 1

    assert phones.ledger.statuses == {200: len(phones.took)}
    assert all(one.spooled for one in phones.took)
    collector.signal(signal.SIGTERM)
    await asyncio.to_thread(collector.ended, 30)
    collector.environment = right
    await asyncio.to_thread(collector.start)
    await asyncio.to_thread(collector.drained)
    await asyncio.to_thread(check, broker.settings, phones.ledger)
    assert broker.proxy.greetings == TLS


async def test_an_expired_certificate_is_not_accepted_until_it_is_renewed(
    broker: Broker, collector: Collector, authority: Authority, folder: Path
) -> None:
    async with traffic(collector) as phones:
        await asyncio.sleep(2)
        authority.sign(folder / "keystore.pem", EXPIRED)
        await asyncio.to_thread(broker.bounce)
        await asyncio.sleep(WRONG_S)
        assert phones.took[-1].spooled
        assert await asyncio.to_thread(collector.ready)
        authority.sign(folder / "keystore.pem", VALID)
        await asyncio.to_thread(broker.bounce)
        await asyncio.to_thread(eventually, lambda: not phones.took[-1].spooled, within_s=60)

    assert phones.ledger.statuses == {200: len(phones.took)}
    await stored(broker, collector, phones)
    assert broker.proxy.greetings == TLS
