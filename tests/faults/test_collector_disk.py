"""F5, F6, F7, F9: the spool's disk is full, broken or slow. What was answered with 2xx is in the log."""

import asyncio
import errno
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx
import pytest

from bench.traffic import event
from local.stack import Stack
from tests.faults.collecting import Collector, a_collector, accepts, broker_away, traffic
from tests.faults.failing import Faults, tell
from tests.faults.kernel import failing_calls
from tests.faults.ledger import check
from tests.faults.phones import Phones
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

FULL_AFTER = 60_000  # bytes: some dozens of batches
SLOW_S = 0.3


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """What the collector's disk is told."""
    tell(tmp_path / "faults", Faults())
    return tmp_path / "faults"


@pytest.fixture
def collector(parts: Stack, tmp_path: Path, disk: Path) -> Iterator[Collector]:
    """On a disk that does what it is told."""
    with a_collector(parts, tmp_path, {"FAULTS": disk}, module="tests.faults.failing") as collector:
        yield collector


async def test_without_kafka_and_disk_space_nothing_is_accepted_until_there_is_space(
    parts: Stack, collector: Collector, disk: Path
) -> None:
    """F6."""
    async with traffic(collector) as phones, broker_away(parts):
        tell(disk, Faults(full=True))
        await refuses(phones)
        await asyncio.to_thread(assert_refused, parts, collector)
        tell(disk, Faults())
        await accepts(phones)
        assert await asyncio.to_thread(collector.ready)

    await kept(parts, collector, phones)


@pytest.mark.nightly
async def test_a_spool_that_holds_all_it_may_takes_again_once_it_is_drained(parts: Stack, tmp_path: Path) -> None:
    """F6, by our own bound."""
    with a_collector(parts, tmp_path, {"spool_max_bytes": FULL_AFTER}) as collector:
        async with traffic(collector) as phones:
            async with broker_away(parts):
                await refuses(phones)
            await accepts(phones)

        await kept(parts, collector, phones)


@pytest.mark.nightly
async def test_a_file_that_may_not_grow_is_a_full_disk(parts: Stack, tmp_path: Path) -> None:
    """F6, by the system's own EFBIG; what the collector says about it has no room either (F55)."""
    with a_collector(parts, tmp_path) as collector:
        async with traffic(collector) as phones, broker_away(parts):
            _, most = resource.prlimit(collector.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(collector.pid, resource.RLIMIT_FSIZE, (0, most))
            await refuses(phones)
            await asyncio.to_thread(assert_refused, parts, collector)
            resource.prlimit(collector.pid, resource.RLIMIT_FSIZE, (most, most))
            await accepts(phones)

        await kept(parts, collector, phones)


@pytest.mark.nightly
async def test_with_a_full_disk_and_kafka_it_serves_on_and_says_so(
    parts: Stack, collector: Collector, disk: Path
) -> None:
    """F5."""
    async with traffic(collector) as phones:
        tell(disk, Faults(full=True))
        await asyncio.to_thread(eventually, lambda: collector.metric("spool_broken") == 1)
        await accepts(phones)
        assert await asyncio.to_thread(collector.ready)
        tell(disk, Faults())
        await asyncio.to_thread(eventually, lambda: collector.metric("spool_broken") == 0)

    assert phones.share_accepted() == 1.0
    assert await asyncio.to_thread(collector.metric, "events_spooled_total") == 0
    await kept(parts, collector, phones)


@pytest.mark.nightly
async def test_what_a_failed_fsync_was_to_hold_is_not_accepted(parts: Stack, collector: Collector, disk: Path) -> None:
    """F7."""
    async with traffic(collector) as phones, broker_away(parts):
        await accepts(phones)
        tell(disk, Faults(sync_errno=errno.EIO))
        await refuses(phones)
        await asyncio.to_thread(assert_refused, parts, collector)
        await asyncio.to_thread(eventually, lambda: collector.metric("spool_broken") == 1)
        tell(disk, Faults())
        await accepts(phones)

    assert "a spool segment failed" in collector.log.read_text()
    await kept(parts, collector, phones)


@pytest.mark.nightly
async def test_an_fsync_that_the_system_fails_is_no_promise(parts: Stack, tmp_path: Path) -> None:
    """F7, by the real call."""
    with a_collector(parts, tmp_path) as collector:
        async with traffic(collector) as phones, broker_away(parts):
            await accepts(phones)
            with failing_calls(collector.pid, "fsync", "EIO"):
                await refuses(phones)
                await asyncio.to_thread(assert_refused, parts, collector)
                await asyncio.to_thread(eventually, lambda: collector.metric("spool_broken") == 1)
            await accepts(phones)

        assert "a spool segment failed" in collector.log.read_text()
        await kept(parts, collector, phones)


@pytest.mark.nightly
async def test_a_slow_disk_is_shared_and_holds_up_nobody_else(parts: Stack, collector: Collector, disk: Path) -> None:
    """F9."""
    tell(disk, Faults(sync_s=SLOW_S))
    async with traffic(collector) as phones, broker_away(parts):
        await accepts(phones)
        began, late = time.monotonic(), []
        for _ in range(20):
            await asyncio.sleep(0.5)
            late.append(await asyncio.to_thread(collector.metric, "loop_lag_seconds"))
        ended = time.monotonic()
        spooled = sum(began <= one.due < ended and one.spooled for one in phones.took)

    p99 = phones.took_s(0.99, began, ended)
    fsyncs = (ended - began) / SLOW_S  # at most
    print(f"{spooled} batches, {fsyncs:.0f} fsyncs, p99 {p99:.2f} s, lag {median(late):.3f} s")
    assert spooled > 3 * fsyncs, "each batch waited for an fsync of its own"
    assert p99 < 10 * SLOW_S
    assert median(late) < 0.05
    await kept(parts, collector, phones)


async def refuses(phones: Phones) -> None:
    """The last answers were 503."""
    await asyncio.to_thread(eventually, lambda: {one.status for one in phones.took[-5:]} == {503}, every_s=0.05)


def assert_refused(parts: Stack, collector: Collector) -> None:
    """A batch is answered with a 503 that says when to come again; it is not ready, but lives."""
    asked = {"json": {"batch": [event("refused")]}, "auth": (parts.write_key, "")}
    answer = httpx.post(f"{collector.url}/v1/batch", **asked, timeout=15)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert not collector.ready()
    assert collector.live()


async def kept(parts: Stack, collector: Collector, phones: Phones) -> None:
    """The spool is empty; the ledger and the collector's own counts agree with the log."""
    await asyncio.to_thread(collector.drained)
    await asyncio.to_thread(check, parts.settings, phones.ledger)
    assert phones.ledger.accepted
