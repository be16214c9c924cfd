"""F10, F13: the broker is killed and kept down, or its answers are lost, under traffic; nothing accepted is.

The collector is a process of its own that sees Kafka through a proxy; the oracle reads the log past it.
"""

import asyncio
import time

import pytest

from tests.faults.broker import Broker
from tests.faults.collecting import Collector
from tests.faults.kafka_faults import PER_S, lose_an_answer, stored, traffic
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(400)

LOST_ANSWERS = 12
DOWN_S = 12.0  # at every commit; nightly a minute
IN_TIME_S = 0.25  # p99 of an outage, which bench/outage.py holds us to; here it may be missed on a busy machine
BUSY_S = 3.0  # a second until the circuit is open, and as much again for every neighbour


async def test_an_answer_lost_after_the_write_stores_no_event_twice(broker: Broker, collector: Collector) -> None:
    """F13."""
    async with traffic(collector) as phones:
        for _ in range(LOST_ANSWERS):
            await lose_an_answer(broker)
            await asyncio.sleep(0.25)

    assert phones.share_accepted() == 1.0
    found = await stored(broker, collector, phones)
    assert found.twice == 0 or any(one.spooled for one in phones.took), "the producer's own retry doubled it"


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
    assert phones.took_s(0.99, began) <= (BUSY_S if down_s == DOWN_S else 3 * IN_TIME_S)
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
