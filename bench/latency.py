"""Claim: how soon a collector worker answers, at a steady rate and at 70 % of what it can. About 90 s.

    make up && .venv/bin/python -m bench.latency [--stack default]

The generator is an open model in a process of its own: every request has its time beforehand, and its latency counts
from then, not from when it was sent. Should the generator itself be late (p99 of its lag over `LAG_MS`: others use the
machine), the run is discarded and made again, at most `TRIES` times; the row is marked when none was good.
Saturation is what the closed loops of `bench/collector.py` get answered per second.
"""

import argparse
import asyncio
import time
from collections import deque
from itertools import count
from typing import NamedTuple

import psutil
import uvloop

from bench import collector
from bench.collector import PACKED, requests, served
from local.stack import Stack

STEADY_PER_S, STEADY_SIZE, STEADY_GOAL_MS = 400, 20, 6
SHARE, SHARE_GOAL_MS = 0.7, 50
SIZES = (1, 20, 100, 500)
RSS_GOAL_MB = 60
SECONDS, WARM_S, SATURATION_S = 5.0, 1.0, 2.0
LAG_MS, TRIES = 5.0, 3
MOST_CONNECTIONS = 500

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Run(NamedTuple):
    """One load: milliseconds, sorted."""

    took_ms: list[float]
    lag_ms: list[float]
    refused: list[bytes]

    @property
    def good(self) -> bool:
        """Whether the generator kept its own times."""
        return share(self.lag_ms, 0.99) <= LAG_MS


def share(values: list[float], of: float) -> float:
    """The quantile of sorted values."""
    return values[min(len(values) - 1, int(len(values) * of))] if values else float("nan")


class Phones:
    """Kept connections to one port; as many as are in use at once, and no more than `MOST_CONNECTIONS`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: deque[Connection] = deque()
        self._open = 0

    async def post(self, request: bytes) -> bytes:
        """The answer's head; nothing when so many wait that the rate is beyond what the machine can."""
        if not self._idle and self._open == MOST_CONNECTIONS:
            return b""
        reader, writer = self._idle.pop() if self._idle else await self._connect()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        self._idle.append((reader, writer))
        return head

    async def _connect(self) -> Connection:
        self._open += 1
        return await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        """Hangs up."""
        for _, writer in self._idle:
            writer.close()


async def open_load(port: int, sent: list[bytes], per_s: float, seconds: float) -> Run:
    """`per_s` requests for so long, each at its time."""
    phones, run, tasks = Phones(port), Run([], [], []), set[asyncio.Task[None]]()
    began = time.perf_counter() + 0.05

    async def one(due: float, request: bytes) -> None:
        run.lag_ms.append((time.perf_counter() - due) * 1000)
        head = await phones.post(request)
        run.took_ms.append((time.perf_counter() - due) * 1000)
        if not head.startswith(b"HTTP/1.1 200"):
            run.refused.append(head)

    for number in count():
        due = began + number / per_s
        if due > began + seconds:
            break
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        tasks.add(asyncio.create_task(one(due, sent[number % len(sent)])))
    await asyncio.gather(*tasks)
    phones.close()
    run.took_ms.sort()
    run.lag_ms.sort()
    return run


def measured(port: int, sent: list[bytes], per_s: float) -> tuple[Run, int]:
    """The first run whose generator was in time, else the last; and how many were made."""
    runs: list[Run] = []
    while not (runs and runs[-1].good) and len(runs) < TRIES:
        uvloop.run(open_load(port, sent, per_s, WARM_S))
        runs.append(uvloop.run(open_load(port, sent, per_s, SECONDS)))
    return runs[-1], len(runs)


def saturation(port: int, sent: list[bytes]) -> float:
    """Requests per second that closed loops get answered."""
    uvloop.run(collector.load(port, sent, WARM_S))
    return len(uvloop.run(collector.load(port, sent, SATURATION_S)).took_s) / SATURATION_S


def show(what: str, per_s: float, found: tuple[Run, int], goal_ms: float, process: psutil.Process) -> None:
    """One line of the table."""
    run, tried = found
    print(
        f"{what:24} {per_s:7.0f} {share(run.took_ms, 0.5):7.1f} {share(run.took_ms, 0.99):7.1f} {goal_ms:5.0f}"
        f" {share(run.lag_ms, 0.99):7.1f} {tried:5} {len(run.refused):7} {process.memory_info().rss / 1e6:7.0f}"
        f"{'' if run.good else '   the generator was late: this row says little'}",
        flush=True,
    )


def main() -> None:
    """The table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--stack", default="default")
    stack = Stack.named(arguments.parse_args().stack)
    columns = "batch                      per s  p50 ms  p99 ms  goal  lag p99 tries refused  RSS MB"
    echo = collector.floor("echo")
    with served(stack, "-m", "ingest") as (port, process), served(stack, *echo) as (bare, bare_process):
        print(columns)
        for coding in PACKED:
            sent = requests(STEADY_SIZE, coding)
            found = measured(port, sent, STEADY_PER_S)
            show(f"{STEADY_SIZE}, {coding}", STEADY_PER_S, found, STEADY_GOAL_MS, process)
        show("  floor: ASGI echo", STEADY_PER_S, measured(bare, sent, STEADY_PER_S), STEADY_GOAL_MS, bare_process)
        for size in SIZES:
            sent = requests(size, "identity")
            per_s = SHARE * saturation(port, sent)
            show(f"{size}, 70 % of saturation", per_s, measured(port, sent, per_s), SHARE_GOAL_MS, process)
        print(f"RSS after all that: {process.memory_info().rss / 1e6:.0f} MB; goal {RSS_GOAL_MB}")


if __name__ == "__main__":
    main()
