"""A broker behind a proxy, one for all tests of a module; a collector of each test's own that sees only the proxy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import Stack
from tests.conftest import NAME
from tests.faults.broker import Broker, a_broker
from tests.faults.collecting import Collector, a_collector


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with a_broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def collector(broker: Broker, tmp_path: Path) -> Iterator[Collector]:
    with a_collector(Stack.named(NAME), tmp_path, {"kafka_brokers": broker.proxied}) as collector:
        yield collector
    broker.proxy.heal()
