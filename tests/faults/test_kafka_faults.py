"""F11, F12, F14-F16, F18: Kafka bounced, slow, frozen, cut off or with too small a limit, under traffic."""

import asyncio
import time
from contextlib import closing
from secrets import token_hex

import httpx
import psutil
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from bench.traffic import WRITE_KEY, event
from ingest.log import DELIVERY_S
from schemas.topics import EVENTS
from tests.faults.broker import Broker
from tests.faults.collecting import Collector
from tests.faults.kafka_faults import PER_S, freeze, stored, traffic
from tests.faults.proxy import Direction
from tests.waiting import eventually

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(400)]

AWAY_S = 8.0
OPEN_S = 2.0  # by then the circuit is open: 0.9 s, and room for a busy machine
SLOW_MACHINE = 3  # p99 of a minute is also measured, on a quiet machine, by bench/outage.py
GROWTH_BYTES = 64 << 20


def configure(broker: Broker, **config: object) -> None:
    """Settings of events.v1, `_` for `.`; those not given go back to what the topic was made with."""
    wanted = {**EVENTS.config, **{name.replace("_", "."): str(value) for name, value in config.items()}}
    with closing(broker.admin()) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, EVENTS.name, configs=wanted)])


async def test_a_clean_bounce_is_no_error_to_anyone(broker: Broker, collector: Collector) -> None:
    """F11."""
    async with traffic(collector) as phones:
        await asyncio.sleep(1)
        await asyncio.to_thread(broker.bounce)
        back = time.monotonic()
        await asyncio.to_thread(collector.drained)
        await asyncio.sleep(2)

    assert phones.ledger.statuses == {200: len(phones.took)}
    assert phones.took_s(0.99, back) <= 2
    await stored(broker, collector, phones)


@pytest.mark.parametrize("direction", ["answers", "requests"])
async def test_a_blackhole_pins_nobody(broker: Broker, collector: Collector, direction: Direction) -> None:
    """F12 (answers swallowed), F16."""
    async with traffic(collector) as phones:
        await asyncio.sleep(1)
        began = time.monotonic()
        broker.proxy.rule(direction, swallowed=True)
        await asyncio.sleep(AWAY_S)
        ended = time.monotonic()
        broker.proxy.heal()
        broker.proxy.reset()
        await asyncio.to_thread(eventually, lambda: phones.took[-1].status == 200 and not phones.took[-1].spooled)

    assert phones.ledger.statuses == {200: len(phones.took)}
    assert phones.took_s(0.99, began + OPEN_S, ended) <= 1, "each waited for the timeout anew"
    assert max(one.seconds for one in phones.took) <= 2 * OPEN_S
    await stored(broker, collector, phones)


async def test_refused_connections_are_answered_from_the_spool(broker: Broker, collector: Collector) -> None:
    """F16."""
    async with traffic(collector) as phones:
        await asyncio.sleep(1)
        broker.proxy.down()
        await asyncio.sleep(AWAY_S)
        broker.proxy.up()
        await asyncio.to_thread(eventually, lambda: phones.took[-1].status == 200 and not phones.took[-1].spooled)

    assert phones.ledger.statuses == {200: len(phones.took)}
    assert sum(one.spooled for one in phones.took) >= AWAY_S * PER_S / 2
    assert max(one.seconds for one in phones.took) <= 2 * OPEN_S
    await stored(broker, collector, phones)


@pytest.mark.parametrize("way_s", [0.2, 2.5])
async def test_a_slow_broker_is_waited_for_up_to_the_circuit(
    broker: Broker, collector: Collector, way_s: float
) -> None:
    """F14: round trips of 0.4 s and 5 s."""
    async with traffic(collector) as phones:
        await asyncio.sleep(1)
        began = time.monotonic()
        for direction in broker.proxy.rules:
            broker.proxy.rule(direction, latency_s=way_s)
        await asyncio.sleep(AWAY_S)
        ended = time.monotonic()
        broker.proxy.heal()
        await asyncio.to_thread(collector.drained)
        await asyncio.to_thread(eventually, lambda: phones.took[-1].status == 200 and not phones.took[-1].spooled)

    slowed = [one.spooled for one in phones.took if began + OPEN_S < one.due < ended]
    assert phones.ledger.statuses == {200: len(phones.took)}
    assert way_s < 1 or all(slowed), "an answer after seconds, with the circuit open"
    await stored(broker, collector, phones)


async def test_a_broker_killed_while_the_spool_is_drained_costs_nothing(broker: Broker, collector: Collector) -> None:
    """F10, once more at its end."""
    async with traffic(collector) as phones:
        await asyncio.sleep(1)
        broker.proxy.down()
        await asyncio.sleep(AWAY_S)
        broker.proxy.rule("answers", latency_s=0.3)  # or the drain would be done before it is seen
        broker.proxy.up()
        await asyncio.to_thread(eventually, lambda: collector.metric("events_drained_total"), every_s=0.02)
        assert await asyncio.to_thread(collector.spooled), "it was drained already: the test showed nothing"
        broker.kill()
        await asyncio.sleep(DELIVERY_S + 1)  # what was in flight is given up
        broker.proxy.heal()
        await asyncio.to_thread(broker.start)

    assert phones.ledger.statuses == {200: len(phones.took)}
    await stored(broker, collector, phones)


@pytest.mark.parametrize("frozen_s", [60.0])
async def test_a_frozen_broker_makes_nothing_grow(broker: Broker, collector: Collector, frozen_s: float) -> None:
    """F15."""
    process = psutil.Process(collector.pid)
    async with traffic(collector) as phones:
        await asyncio.sleep(3)
        before = process.num_threads(), process.memory_info().rss
        began = time.monotonic()
        await freeze(broker, frozen_s)
        after = process.num_threads(), process.memory_info().rss
        ended = time.monotonic()
        await asyncio.to_thread(eventually, lambda: phones.took[-1].status == 200 and not phones.took[-1].spooled)

    print(f"threads and bytes before {before}, after {after}")
    assert after[0] <= before[0] + 8
    assert after[1] <= before[1] + GROWTH_BYTES
    assert phones.share_accepted() >= 0.999
    assert phones.took_s(0.99, began + OPEN_S, ended) <= 0.25 * SLOW_MACHINE
    await stored(broker, collector, phones)


@pytest.mark.parametrize("while_away", [False, True])
async def test_a_record_above_the_brokers_limit_is_put_aside(
    broker: Broker, collector: Collector, *, while_away: bool
) -> None:
    """F18: never a poison loop, and those that were sent together with it are stored."""
    if while_away:
        broker.proxy.down()
    await asyncio.to_thread(configure, broker, max_message_bytes=100_000)
    try:
        async with traffic(collector) as phones:
            await asyncio.sleep(2)
            answers = [await asyncio.to_thread(a_large_event, collector) for _ in range(5)]
            broker.proxy.up()
            await asyncio.to_thread(collector.drained)
            await asyncio.sleep(1)
    finally:
        await asyncio.to_thread(configure, broker)

    aside = await asyncio.to_thread(lambda: list(collector.spool.glob("*/*.refused")))
    assert [answer.json().get("durability") for answer in answers] == ["spool"] * 5
    assert len(aside) == await asyncio.to_thread(collector.metric, "events_put_aside_total") == 5
    assert phones.ledger.statuses == {200: len(phones.took)}
    await stored(broker, collector, phones)


def a_large_event(collector: Collector) -> httpx.Response:
    """200 kB that do not compress to less than half."""
    noise = {f"noise {number}": token_hex(2_000) for number in range(50)}
    sent = {**event(f"large-{token_hex(4)}"), "properties": noise}
    return httpx.post(f"{collector.url}/v1/batch", json={"batch": [sent]}, auth=(WRITE_KEY, ""), timeout=15)
