"""Slow clients beside normal ones (promises.md G10): they cost the others nothing, and are gone in time."""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import psutil
import pytest

from local.stack import ROOT, Stack
from tests.bad_requests import BATCH, HOST, JSON, KEY
from tests.faults.collecting import a_collector
from tests.slow_clients import RAMP_S, READERS, SLOWLORIS
from tests.waiting import eventually

RATE_PER_S, PHONES = 100, 10
QUIET_S, SLOW_S = 15.0, 25.0
GOOD = b"POST /v1/batch HTTP/1.1\r\n" + HOST + KEY + JSON + b"Content-Length: %d\r\n\r\n" % len(BATCH) + BATCH
NOISE_S = 0.003  # of a p99 on a machine that others use, too


@pytest.mark.nightly
async def test_a_thousand_slow_clients_cost_the_others_nothing(parts: Stack, tmp_path: Path) -> None:
    limits = {resource.RLIMIT_NOFILE: SLOWLORIS + READERS + 500}
    with a_collector(parts, tmp_path, limits=limits) as collector:
        port = int(collector.url.rpartition(":")[2])
        await latencies(port, 3)  # warm
        before = await latencies(port, QUIET_S)
        began = time.monotonic()
        slow = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.slow_clients", str(port), str(SLOW_S), cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        try:
            during = await latencies(port, SLOW_S)
            assert slow.stdout is not None
            kept = json.loads(await slow.stdout.readline())
            await asyncio.to_thread(eventually, lambda: clients(collector.pid, port) == 0, within_s=120)
            freed_s = time.monotonic() - began
        finally:
            slow.kill()
            await slow.wait()
        after = await latencies(port, QUIET_S)

    quiet_s, slow_s = p99(before + after), p99(during)
    print(f"\nnormal p99 {quiet_s * 1e3:.1f} ms quiet, {slow_s * 1e3:.1f} ms beside slow clients")
    print(f"kept: {kept}; all freed after {freed_s:.0f} s")
    assert kept["head_s"] <= 10
    assert freed_s <= RAMP_S + 30 + 10
    assert slow_s <= 1.5 * quiet_s + NOISE_S


def clients(pid: int, port: int) -> int:
    """How many connections the process holds on its port."""
    held = psutil.Process(pid).net_connections("tcp4")
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
