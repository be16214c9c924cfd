"""F1: the collector is killed (-9) where an accepted event changes hands. What was answered with 2xx is in the log."""

import asyncio
import random
import time
from pathlib import Path

import psutil
import pytest

from local.stack import Stack
from tests.faults.collecting import Collector, a_collector, accepts, await_broker, broker_away, kill_broker, traffic
from tests.faults.crashing import IN_THE_LOG
from tests.faults.ledger import check
from tests.faults.phones import Phones

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

CRASHING = "tests.faults.crashing"
RESTART_S = 4.0  # of CPU, since wall time is the machine's; measured 1.0-1.3, and the promise is 2 s in all
COLLECTOR_KILLS, BROKER_KILLS = 60, 12


async def test_killed_on_the_way_into_the_log_it_loses_nothing(parts: Stack, tmp_path: Path) -> None:
    with a_collector(parts, tmp_path) as collector:
        async with traffic(collector) as phones:
            for point in IN_THE_LOG:
                await crash(collector, point)
            await restarted(collector, phones)

        await asyncio.to_thread(collector.drained)
        await asyncio.to_thread(check, parts.settings, phones.ledger)
    assert phones.ledger.unknown, "nobody was cut off: the test showed nothing"


async def test_killed_while_it_spools_and_drains_it_loses_nothing_and_mends_the_tail(
    parts: Stack, tmp_path: Path
) -> None:
    with a_collector(parts, tmp_path) as collector:
        async with traffic(collector) as phones:
            async with broker_away(parts):
                for point in ("torn_write", "after_sync"):
                    await crash(collector, point)
                await asyncio.to_thread(run_to, collector, "before_drop", after=1)
            await asyncio.to_thread(collector.ended, 60)
            await restarted(collector, phones)
            assert "a torn tail was cut off" in collector.said()

        await asyncio.to_thread(collector.drained)
        verdict = await asyncio.to_thread(check, parts.settings, phones.ledger)
    assert verdict.twice > 0, "what Kafka had but still lay in the spool is drained again"


@pytest.mark.nightly
@pytest.mark.timeout(1500)
async def test_killed_again_and_again_with_the_broker_it_loses_nothing(parts: Stack, tmp_path: Path) -> None:
    seed = time.time_ns() % 1_000_000
    chance = random.Random(seed)
    victims = ["collector"] * COLLECTOR_KILLS + ["broker"] * BROKER_KILLS
    chance.shuffle(victims)
    print(f"seed {seed}")

    with a_collector(parts, tmp_path) as collector:
        async with traffic(collector, per_second=80) as phones:
            for victim in victims:
                await asyncio.sleep(chance.uniform(0.1, 1.0))
                if victim == "collector":
                    await asyncio.to_thread(collector.kill)
                    await asyncio.to_thread(collector.start)
                else:
                    await asyncio.to_thread(await_broker, parts)  # killed before it stands, nothing new would happen
                    await asyncio.to_thread(kill_broker, parts)
            await asyncio.to_thread(await_broker, parts)
            await accepts(phones)

        await asyncio.to_thread(collector.drained, 120)
        await asyncio.to_thread(check, parts.settings, phones.ledger)


async def crash(collector: Collector, point: str) -> None:
    """Runs it until it ends there under traffic."""
    await asyncio.to_thread(run_to, collector, point)
    assert await asyncio.to_thread(collector.ended, 60) < 0


def run_to(collector: Collector, point: str, after: int = 20) -> None:
    """Started anew, about to crash."""
    collector.kill()
    collector.module, collector.own = CRASHING, {"CRASH_AT": point, "CRASH_AFTER": str(after)}
    collector.start()


async def restarted(collector: Collector, phones: Phones) -> None:
    """As the code really is, it accepts again within the time that it promises."""
    collector.module, collector.own = "ingest", {}
    seconds = await asyncio.to_thread(collector.start)
    spent = psutil.Process(collector.pid).cpu_times()
    print(f"answers after {seconds:.2f} s, {spent.user + spent.system:.2f} s of CPU")
    await accepts(phones)
    assert spent.user + spent.system < RESTART_S
