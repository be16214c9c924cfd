"""Slow clients beside normal ones (promises.md G10): they cost the others nothing, and are gone in time."""

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from local.stack import ROOT, Stack
from tests.bad_requests import BATCH, HOST, JSON, KEY
from tests.faults.collecting import Collector, a_collector, traffic
from tests.ingest.hasty import BODY_S, HEADER_S
from tests.waiting import eventually

SMALL = {"heads": 60, "silent": 60, "bodies": 60, "chunks": 60, "readers": 20}
LARGE = {"heads": 1_000, "silent": 100, "bodies": 100, "chunks": 100, "readers": 100}
RAMP_S = 6.0
DESCRIPTORS = {resource.RLIMIT_NOFILE: 2_000}
GROWTH_BYTES = 64 << 20  # some 45 kB for each of the large crowd; a reader's answers wait in our memory
PATIENCE_S = 20.0  # for a busy machine
RATE_PER_S, PHONES = 100, 10
QUIET_S, SLOW_S = 15.0, 36.0  # a slow body is seen to its end
GOOD = b"POST /v1/batch HTTP/1.1\r\n" + HOST + KEY + JSON + b"Content-Length: %d\r\n\r\n" % len(BATCH) + BATCH
NOISE_S = 0.003  # of a p99 on a machine that others use, too


async def test_three_hundred_slow_clients_are_gone_in_time_while_others_are_served(
    parts: Stack, tmp_path: Path
) -> None:
    with a_collector(parts, tmp_path, module="tests.ingest.hasty", limits=DESCRIPTORS) as collector:
        before = rss(collector)
        async with crowd(collector, SMALL, 0, 0.5) as slow:
            async with traffic(collector) as phones:
                kept = await slow
            await asyncio.to_thread(eventually, lambda: clients(collector) == 0)  # the readers, too
        grown = rss(collector) - before

    print(f"\nkept: {kept}, grown by {grown >> 20} MB, others {phones.ledger.statuses}")
    for kind, deadline_s in {"heads": HEADER_S, "silent": HEADER_S, "bodies": BODY_S, "chunks": BODY_S}.items():
        assert deadline_s / 2 < kept[kind][0] <= kept[kind][1] < deadline_s + PATIENCE_S, kind
    assert phones.ledger.statuses == {200: len(phones.took)}
    assert len(phones.took) > 50, "hardly anybody was beside them: the test showed nothing"
    assert grown < GROWTH_BYTES


@pytest.mark.nightly
@pytest.mark.timeout(400)
async def test_a_thousand_slow_clients_cost_the_others_nothing(parts: Stack, tmp_path: Path) -> None:
    with a_collector(parts, tmp_path, limits=DESCRIPTORS) as collector:
        port = int(collector.url.rpartition(":")[2])
        await latencies(port, 3)  # warm
        before, held = await latencies(port, QUIET_S), rss(collector)
        began = time.monotonic()
        async with crowd(collector, LARGE, SLOW_S, RAMP_S) as slow:
            during = await latencies(port, SLOW_S)
            grown = rss(collector) - held
            kept = await slow
            await asyncio.to_thread(eventually, lambda: clients(collector) == 0, within_s=120)
            freed_s = time.monotonic() - began
        after = await latencies(port, QUIET_S)

    quiet_s, slow_s = p99(before + after), p99(during)
    print(f"\nnormal p99 {quiet_s * 1e3:.1f} ms quiet, {slow_s * 1e3:.1f} ms beside slow clients")
    print(f"kept: {kept}; all freed after {freed_s:.0f} s; grown by {grown >> 20} MB")
    assert max(kept["heads"][1], kept["silent"][1]) <= 10
    assert max(kept["bodies"][1], kept["chunks"][1]) <= 30
    assert freed_s <= SLOW_S + 10 + 10  # the last slowloris came when it was over
    assert grown < GROWTH_BYTES
    assert slow_s <= 1.5 * quiet_s + NOISE_S


@asynccontextmanager
async def crowd(
    collector: Collector, counts: dict[str, int], seconds: float, ramp_s: float
) -> AsyncIterator["asyncio.Task[dict[str, list[float]]]"]:
    """Slow clients, so many of each kind; the task gives how long they were kept (tests/slow_clients.py)."""
    port, asked = collector.url.rpartition(":")[2], [f"{kind}={count}" for kind, count in counts.items()]
    argv = (sys.executable, "-m", "tests.slow_clients", port, str(seconds), str(ramp_s), *asked)
    process = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE)

    async def kept() -> dict[str, list[float]]:
        assert process.stdout is not None
        found: dict[str, list[float]] = json.loads(await process.stdout.readline())
        return found

    try:
        yield asyncio.create_task(kept())
    finally:
        process.kill()
        await process.wait()


def rss(collector: Collector) -> int:
    """Bytes."""
    return int(psutil.Process(collector.pid).memory_info().rss)


def clients(collector: Collector) -> int:
    """How many connections the process holds on its port."""
    port, held = int(collector.url.rpartition(":")[2]), psutil.Process(collector.pid).net_connections("tcp4")
    return sum(one.laddr.port == port and one.status != psutil.CONN_LISTEN for one in held)


async def latencies(port: int, seconds: float) -> list[float]:
    """Seconds from the time when each request was due to the end of its 200, at an even rate."""
    loop, free = asyncio.get_running_loop(), asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()
    for _ in range(PHONES):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    began, refused = loop.time(), list[bytes]()

    async def post(due: float) -> float:
        await asyncio.sleep(due - loop.time())
        reader, writer = await free.get()
        writer.write(GOOD)
        head = await reader.readuntil(b"\r\n\r\n")
        refused.extend([head] * (not head.startswith(b"HTTP/1.1 200")))
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        free.put_nowait((reader, writer))
        return loop.time() - due

    found = await asyncio.gather(*(post(began + n / RATE_PER_S) for n in range(int(seconds * RATE_PER_S))))
    for _ in range(PHONES):
        free.get_nowait()[1].close()
    assert refused == []
    return list(found)


def p99(latencies: list[float]) -> float:
    return sorted(latencies)[int(len(latencies) * 0.99)]
