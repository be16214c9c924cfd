"""F10, F11, F13, F15: the broker is killed, stopped, frozen, or its answers are lost; nothing accepted is.

The collector is a process of its own that sees Kafka through a proxy; the oracle reads the log past it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from local.stack import Stack
from tests.conftest import NAME
from tests.faults.broker import Broker, a_broker
from tests.faults.collecting import Collector, a_collector
from tests.faults.ledger import Verdict, balanced, check
from tests.faults.phones import Phones
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(400)

PER_S = 40.0
LOST_ANSWERS = 12
DOWN_S = 12.0  # at every commit; nightly a minute
IN_TIME_S = 0.25  # p99 of an outage; at its beginning, until the circuit is open, it may take longer
CIRCUIT_S = 2.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with a_broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def collector(broker: Broker, tmp_path: Path) -> Iterator[Collector]:
    with a_collector(Stack.named(NAME), tmp_path, {"kafka_brokers": broker.proxied}) as collector:
        yield collector
    broker.proxy.heal()


@asynccontextmanager
async def traffic(collector: Collector, per_second: float = PER_S) -> AsyncIterator[Phones]:
    """Phones post while the body runs; afterwards everything is answered."""
    phones, done = Phones(int(collector.url.rpartition(":")[2])), asyncio.Event()
    posting = asyncio.create_task(phones.post(per_second, done.is_set))
    try:
        yield phones
    finally:
        done.set()
        await posting


async def stored(broker: Broker, collector: Collector, phones: Phones) -> Verdict:
    """The spool is empty, the ledger and the collector's own counts agree with the log."""
    await asyncio.to_thread(collector.drained, 120)
    assert await asyncio.to_thread(balanced, collector.metric)
    return await asyncio.to_thread(check, broker.settings, phones.ledger)


async def test_an_answer_lost_after_the_write_stores_no_event_twice(broker: Broker, collector: Collector) -> None:
    """F13."""
    async with traffic(collector) as phones:
        for _ in range(LOST_ANSWERS):
            await lose_an_answer(broker)

    assert phones.share_accepted() == 1.0
    found = await stored(broker, collector, phones)
    assert found.twice == 0 or any(one.spooled for one in phones.took), "the producer's own retry doubled it"


async def lose_an_answer(broker: Broker) -> None:
    """The next answer is cut off whole and its connection reset: the broker has written, and nobody knows."""
    before = broker.proxy.cut
    broker.proxy.rule("answers", cut_after=0)
    await asyncio.to_thread(eventually, lambda: broker.proxy.cut > before, every_s=0.01)
    broker.proxy.rule("answers", cut_after=None)
    await asyncio.sleep(0.25)


@pytest.mark.parametrize("down_s", [DOWN_S, pytest.param(60.0, marks=pytest.mark.nightly)])
async def test_while_the_broker_is_down_phones_are_answered_in_time(
    broker: Broker, collector: Collector, down_s: float
) -> None:
    """F10."""
    async with traffic(collector) as phones:
        await asyncio.sleep(2)
        began = time.monotonic()
        broker.kill()
        await asyncio.sleep(down_s)
        watching = asyncio.create_task(asyncio.to_thread(drain_rate, collector))
        await asyncio.to_thread(broker.start)
        drained_per_s = await watching
        await asyncio.sleep(1)

    spooled = sum(one.spooled for one in phones.took)
    slow = sum(one.seconds > IN_TIME_S for one in phones.took)
    print(
        f"{spooled} of {len(phones.took)} batches spooled, {slow} answered after {IN_TIME_S} s,"
        f" p99 {phones.took_s(0.99):.3f} s, drained at {drained_per_s:.0f} events/s"
    )
    assert spooled > down_s * PER_S / 2, "hardly anything was spooled: the test showed nothing"
    assert phones.share_accepted() >= 0.999
    assert slow <= CIRCUIT_S * PER_S if down_s == DOWN_S else phones.took_s(0.99, began) <= IN_TIME_S
    assert drained_per_s >= 3 * PER_S * phones.size
    await stored(broker, collector, phones)


def drain_rate(collector: Collector) -> float:
    """Events per second from the first that is drained to the last that was in the spool."""
    drained, name = 0.0, "events_drained_total"
    eventually(lambda: collector.metric(name) > 0, within_s=180, every_s=0.02)
    began = time.monotonic()
    eventually(lambda: collector.spooled() == [], within_s=180, every_s=0.02)
    drained = collector.metric(name)
    return drained / (time.monotonic() - began)
