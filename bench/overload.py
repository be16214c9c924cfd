"""Claim: at twice what it can do, a collector worker goes on doing it, and says no quickly. About 90 s per size.

    make up && .venv/bin/python -m bench.overload [--stack default] [--events 20] [--seconds 30]

Starts `python -m ingest` on a stack whose broker runs, finds how many requests a second it can answer with 200, then
sends 0.7 and 2 times as many: an open model, so who waits for a connection waits on the clock (no coordinated
omission). The generator is a process of its own, but it and the broker share the machine's cores with the worker:
on two cores the worker has less of them at twice the load, which counts against it here.
"""

import argparse
import asyncio
import multiprocessing
import time
from collections import Counter, deque
from typing import NamedTuple, cast

import uvloop

from bench.collector import requests, served
from local.stack import Stack

CONNECTIONS = 1_000
CLOSED = 128  # connections of the closed loop that finds the peak
PEAK_S = 3.0
SETTLE_S = 2.0
TICK_S = 0.001


class Answer(NamedTuple):
    """One request, by the time it was due."""

    due: float
    took_s: float
    status: int
    retry_after: bool


class Load:
    """What is to be sent, and what came back."""

    def __init__(self, sent: list[bytes]) -> None:
        self.sent = sent
        self.number = 0
        self.idle: list[Connection] = []
        self.waiting: deque[float] = deque()  # due, but no connection is idle
        self.answers: list[Answer] = []
        self.late_s = 0.0
        self.lost = 0  # connections
        self.again = False  # closed loop: a connection sends as soon as it is answered

    def due(self, at: float) -> None:
        """One more request; on the connection that was used last, as a pool does."""
        self.waiting.append(at)
        self.flow()

    def flow(self) -> None:
        """Sends what is due, as far as connections are idle."""
        while self.waiting and self.idle:
            self.idle.pop().send(self.waiting.popleft())

    def body(self) -> bytes:
        """The next request, whole."""
        self.number += 1
        return self.sent[self.number % len(self.sent)]


class Connection(asyncio.Protocol):
    """One request at a time; as little Python as can be, since it shares the cores with what it measures."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.got = b""
        self.began = 0.0
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Idle."""
        self.transport = cast(asyncio.Transport, transport)
        self.load.idle.append(self)

    def send(self, due: float) -> None:
        """One request, which was due then."""
        self.began, self.busy = due, True
        self.transport.write(self.load.body())

    def data_received(self, data: bytes) -> None:
        """An answer, or a part of one."""
        self.got = got = self.got + data
        end = got.find(b"\r\n\r\n")
        if end < 0:
            return
        at = got.index(b"content-length: ") + 16
        if len(got) < end + 4 + int(got[at : got.index(b"\r", at)]):
            return
        self.got, self.busy = b"", False
        now = time.perf_counter()
        retry_after = b"retry-after" in got[:end]
        self.load.answers.append(Answer(self.began, now - self.began, int(got[9:12]), retry_after))
        if self.load.again:
            self.send(now)
            return
        self.load.idle.append(self)
        self.load.flow()

    def connection_lost(self, exc: Exception | None) -> None:
        """What was asked on it is not answered any more; an idle one was closed as idle ones are, and is replaced."""
        self.load.lost += 1
        if self.busy:
            self.load.answers.append(Answer(self.began, 0.0, 0, retry_after=False))
        elif self in self.load.idle:
            self.load.idle.remove(self)


async def _connected(port: int, load: Load, count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        await loop.create_connection(lambda: Connection(load), "127.0.0.1", port)


async def _closed(port: int, sent: list[bytes], seconds: float) -> Load:
    load = Load(sent)
    load.again = True
    await _connected(port, load, CLOSED)
    for connection in load.idle:
        connection.send(time.perf_counter())
    await asyncio.sleep(seconds)
    return load


async def _open(port: int, sent: list[bytes], seconds: float, per_s: float) -> Load:
    load = Load(sent)
    await _connected(port, load, CONNECTIONS)
    began, before, made = time.perf_counter(), 0.0, 0
    while (passed := time.perf_counter() - began) < seconds:
        while made < passed * per_s:
            load.due(began + made / per_s)
            made += 1
        load.late_s = max(load.late_s, passed - before)
        before = passed
        lost, load.lost = load.lost, 0
        await _connected(port, load, lost)
        await asyncio.sleep(TICK_S)
    await asyncio.sleep(1.0)  # what is under way may arrive
    return load


class Seen(NamedTuple):
    """One stage, in a second's figures."""

    asked: float
    good: float
    shed: float
    other: int
    good_ms: tuple[float, float]  # p50, p99
    shed_ms: tuple[float, float]
    unanswered: int
    without_retry: int
    late_ms: float  # at worst, between a request's time and the generator's turn to see it


def _seen(load: Load, seconds: float) -> Seen:
    """What came in the first `SETTLE_S` counts, but its times do not: so long it takes to see that a queue stands."""
    since = min((answer.due for answer in load.answers), default=0.0) + min(SETTLE_S, seconds / 4)
    settled = [answer for answer in load.answers if answer.due >= since]
    good = sorted(answer.took_s for answer in settled if answer.status == 200)
    shed = sorted(answer.took_s for answer in settled if answer.status == 503)
    told = Counter(answer.status for answer in load.answers)
    asked = load.number + len(load.waiting)
    return Seen(
        asked=asked / seconds, good=told[200] / seconds, shed=told[503] / seconds,
        other=sum(told.values()) - told[200] - told[503],
        good_ms=_ms(good), shed_ms=_ms(shed), unanswered=asked - len(load.answers),
        without_retry=sum(answer.status == 503 and not answer.retry_after for answer in load.answers),
        late_ms=load.late_s * 1000,
    )  # fmt: skip


def _ms(sorted_s: list[float]) -> tuple[float, float]:
    if not sorted_s:
        return 0.0, 0.0
    return sorted_s[len(sorted_s) // 2] * 1000, sorted_s[int(len(sorted_s) * 0.99)] * 1000


def generate(port: int, sent: list[bytes], seconds: float, per_s: float | None) -> Seen:
    """In the generator's process."""
    run = _closed(port, sent, seconds) if per_s is None else _open(port, sent, seconds, per_s)
    return _seen(uvloop.run(run), seconds)


def main() -> None:
    """The table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--stack", default="default")
    arguments.add_argument("--events", type=int, default=20)
    arguments.add_argument("--seconds", type=float, default=30.0)
    given = arguments.parse_args()
    sent = requests(given.events, "identity")
    print(
        "stage  asked/s   good/s   shed/s  other  p50 ms  p99 ms  shed p50  shed p99  no Retry-After  unanswered"
        "   cpu  RSS MB"
    )
    with served(Stack.named(given.stack), "-m", "ingest") as (port, worker), multiprocessing.get_context(
        "spawn"
    ).Pool(1) as generator:  # fmt: skip

        def stage(name: str, seconds: float, per_s: float | None) -> Seen:
            before, began = sum(worker.cpu_times()[:2]), time.monotonic()
            seen = generator.apply(generate, (port, sent, seconds, per_s))
            cpu = (sum(worker.cpu_times()[:2]) - before) / (time.monotonic() - began)
            print(
                f"{name:5} {seen.asked:8.0f} {seen.good:8.0f} {seen.shed:8.0f} {seen.other:6}"
                f" {seen.good_ms[0]:7.1f} {seen.good_ms[1]:7.1f} {seen.shed_ms[0]:9.1f} {seen.shed_ms[1]:9.1f}"
                f" {seen.without_retry:15} {seen.unanswered:11} {cpu:5.2f} {worker.memory_info().rss / 1e6:7.0f}"
            )
            return seen

        stage("warm", 1.0, None)
        peak = stage("peak", PEAK_S, None).good
        usual = stage("0.7x", given.seconds / 3, 0.7 * peak)
        over = stage("2x", given.seconds, 2 * peak)
        after = stage("after", 5.0, 0.7 * peak)
    print(
        f"goodput at 2x: {over.good / peak:.0%} of the peak (goal 90 %); sheds p99 {over.shed_ms[1]:.1f} ms (goal 20);"
        f" accepted p99 {over.good_ms[1] / max(usual.good_ms[1], 0.1):.1f} times that at 0.7x (goal 2);"
        f" afterwards {after.shed:.0f} sheds/s; the generator was {over.late_ms:.0f} ms late at worst"
    )


if __name__ == "__main__":
    main()
