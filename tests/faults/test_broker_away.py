"""Kafka is stopped under traffic: phones do not notice, and afterwards everything accepted is in the log, in order."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from bench.traffic import WRITE_KEY, Ledger, event, post_batches
from local import health, supervision
from local.stack import Stack
from schemas import events
from schemas.topics import EVENTS
from tests import log, oracle
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]

TRAFFIC_S = 20.0
STOP_AFTER_S = 2.0
AWAY_S = 13.0
KILL_AFTER_S = 3.0  # into the outage: the spool is being written to


@dataclass
class Diarist:
    """A phone that posts one event after the other, and remembers those that were accepted, in order."""

    person: str
    ids: list[str] = field(default_factory=list)
    spooled: int = 0

    async def run(self, http: httpx.AsyncClient, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            sent = event(self.person)
            try:
                answer = await http.post("/v1/batch", json={"batch": [sent]})
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                self.ids.append(sent["messageId"])
                self.spooled += answer.json().get("durability") == "spool"
            await asyncio.sleep(0.02)


@pytest.mark.nightly  # at every commit: the same without the rest of the system, in test_kafka_away.py
async def test_while_kafka_is_away_everything_is_accepted_and_kept(stack: Stack) -> None:
    ledger, diarists = await under_traffic(stack, outage(stack))

    assert sum(diarist.spooled for diarist in diarists) >= 10, "hardly anything was spooled: the test showed nothing"
    assert ledger.statuses == {200: sum(ledger.statuses.values())}
    await assert_kept(stack, ledger, diarists)


@pytest.mark.nightly  # at every commit: the same in test_collector_crash.py
async def test_a_collector_that_is_killed_while_it_spools_loses_nothing(stack: Stack) -> None:
    before = supervision.pid(stack, "ingest")

    ledger, diarists = await under_traffic(stack, outage(stack, kill=before))

    assert supervision.pid(stack, "ingest") not in (0, before)
    assert sum(diarist.spooled for diarist in diarists) >= 10, "hardly anything was spooled: the test showed nothing"
    await assert_kept(stack, ledger, diarists)


async def under_traffic(stack: Stack, fault: Awaitable[None]) -> tuple[Ledger, list[Diarist]]:
    ledger, diarists = Ledger(), [Diarist(f"diarist-{n}-{time.time_ns()}") for n in range(4)]
    base = stack.settings.public_url
    async with httpx.AsyncClient(base_url=base, timeout=15, auth=(WRITE_KEY, "")) as http:
        await asyncio.gather(
            post_batches(base, ledger, per_second=20, seconds=TRAFFIC_S, size=10),
            *(diarist.run(http, TRAFFIC_S) for diarist in diarists),
            fault,
        )
    return ledger, diarists


async def outage(stack: Stack, kill: int = 0) -> None:
    """Stops the broker for a while, and in the midst kills that process."""
    await asyncio.sleep(STOP_AFTER_S)
    await asyncio.to_thread(supervision.stop, stack, "kafka")
    await asyncio.sleep(KILL_AFTER_S)
    if kill:
        os.kill(kill, signal.SIGKILL)
    await asyncio.sleep(AWAY_S - KILL_AFTER_S)
    await asyncio.to_thread(supervision.start, stack, "kafka")


async def assert_kept(stack: Stack, ledger: Ledger, diarists: list[Diarist]) -> None:
    waited = held(stack)
    await asyncio.to_thread(eventually, lambda: health.healthy(stack, "kafka"), within_s=60)
    began = time.monotonic()
    await asyncio.to_thread(eventually, lambda: spooled(stack) == [], within_s=60)
    drained_s = time.monotonic() - began
    ledger.accepted.update(*(diarist.ids for diarist in diarists))
    await asyncio.to_thread(oracle.check, stack.settings, ledger)
    doubles = await asyncio.to_thread(doubled, stack, ledger)
    for diarist in diarists:
        assert [one for one in await asyncio.to_thread(logged, stack, diarist.person) if one in diarist.ids] == (
            diarist.ids
        )
    acks = sorted(ledger.ack_s)
    slowest = [round(acks[int(len(acks) * share)], 3) for share in (0.5, 0.9, 0.95, 0.99, 0.999)]
    print(
        f"{ledger.statuses}, {len(ledger.accepted)} accepted, {waited} bytes drained {drained_s:.1f} s after Kafka came"
    )
    print(f"answers at p50 p90 p95 p99 p999 after {slowest} s; {doubles} events twice in the log")


def spooled(stack: Stack) -> list[Path]:
    """Segments that still hold something for Kafka."""
    return list(Path(stack.settings.spool_dir).glob("*/*.spool"))


def held(stack: Stack) -> int:
    return sum(path.stat().st_size for path in spooled(stack))


def doubled(stack: Stack, ledger: Ledger) -> int:
    """Copies of events that the log has already: spooled, and confirmed all the same."""
    copies = Counter(oracle.logged_events(stack.settings).values())
    return sum(copies[one] - 1 for one in ledger.sent if one in copies)


def logged(stack: Stack, person: str) -> list[str]:
    """The person's events by their first place in the log."""
    found = [record for record in log.records(stack.settings, EVENTS) if record.key == person.encode()]
    ids = [one.message_id for record in found for _, one in events.indexed(events.decode(record.value))]
    return list(dict.fromkeys(one for one in ids if one))
