"""F4, F8: more bodies than memory, more connections than descriptors. Whoever is connected is served on."""

import asyncio
import gzip
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest

from bench.traffic import WRITE_KEY, event
from local.stack import Stack
from tests.faults.collecting import Collector, a_collector, accepts, traffic
from tests.faults.ledger import check
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.nightly, pytest.mark.timeout(400)]

STORM = 64
BODY_BYTES = 4_900_000
RSS_CAP = 512 << 20  # bytes
BOMB = gzip.compress(b"[" * 100_000_000, 6)
DESCRIPTORS = 64


async def test_a_storm_of_big_bodies_and_bombs_stays_below_the_cap(parts: Stack, tmp_path: Path) -> None:
    with a_collector(parts, tmp_path) as collector:
        before = psutil.Process(collector.pid).memory_info().rss
        async with traffic(collector, per_second=10) as phones:
            for _ in range(3):
                found = await storm(collector)
                print(f"{sorted(found.items())}, {peak(collector) >> 20} MB at most, {before >> 20} MB before")
            await accepts(phones)

        assert set(found) <= {0, 200, 413, 429, 503}
        assert peak(collector) < RSS_CAP
        await asyncio.to_thread(collector.drained)
        await asyncio.to_thread(check, parts.settings, phones.ledger)


async def storm(collector: Collector) -> dict[int, int]:
    """Bodies of almost the limit and bombs, all at once; how often each status was answered, 0: the line was cut."""
    limits = httpx.Limits(max_connections=None)
    statuses: dict[int, int] = {}
    async with httpx.AsyncClient(base_url=collector.url, timeout=60, limits=limits, auth=(WRITE_KEY, "")) as http:

        async def post(body: bytes, headers: dict[str, str]) -> None:
            status = 0
            with suppress(httpx.TransportError):
                status = (await http.post("/v1/batch", content=body, headers=headers)).status_code
            statuses[status] = statuses.get(status, 0) + 1

        big = big_body()
        bombs = (post(BOMB, {"content-encoding": "gzip"}) for _ in range(STORM))
        await asyncio.gather(*(post(big, {}) for _ in range(STORM)), *bombs)
    return statuses


def big_body() -> bytes:
    """One person's events, half of them small and one huge."""
    batch = [{**event("big"), "properties": {"text": "x" * (BODY_BYTES // 100 - 300)}} for _ in range(100)]
    return msgspec.json.encode({"batch": batch})


def peak(collector: Collector) -> int:
    """Bytes of memory that the process ever held (VmHWM)."""
    told = Path(f"/proc/{collector.pid}/status").read_text()
    return int(told.split("VmHWM:")[1].split()[0]) * 1024


@pytest.fixture
def narrow(parts: Stack, tmp_path: Path) -> Iterator[Collector]:
    """May open few descriptors."""
    with a_collector(parts, tmp_path, limits={resource.RLIMIT_NOFILE: DESCRIPTORS}) as collector:
        yield collector


async def test_without_a_free_descriptor_those_who_are_connected_are_served(parts: Stack, narrow: Collector) -> None:
    async with traffic(narrow, per_second=10) as phones:
        await accepts(phones)
        with ExitStack() as lines:
            connection = lines.enter_context(httpx.Client(base_url=narrow.url, timeout=30))
            connection.get("/live")
            for _ in range(2 * DESCRIPTORS):
                lines.enter_context(closing(connected(narrow)))
            await asyncio.to_thread(eventually, lambda: used(connection) == 1)
            await accepts(phones)
        await asyncio.to_thread(eventually, lambda: narrow.metric("descriptors_used") < 1)
        await accepts(phones)

    await asyncio.to_thread(narrow.drained)
    await asyncio.to_thread(check, parts.settings, phones.ledger)


def used(connection: httpx.Client) -> float:
    """Share of the descriptors, asked on a connection that stands already."""
    found = connection.get("/metrics").text.split('descriptors_used{room="ingest"} ')
    return float(found[1].split()[0])


def connected(collector: Collector) -> socket.socket:
    """A client that says nothing."""
    return socket.create_connection(("127.0.0.1", int(collector.url.rpartition(":")[2])), 10)
