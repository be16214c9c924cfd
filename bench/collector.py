"""Claim: what one collector worker stores per second of its own CPU. About 80 s, on a stack whose broker runs.

    make up && .venv/bin/python -m bench.collector [--stack default] [--coding identity|gzip|zstd]

Starts `python -m ingest`, a bare ASGI echo on the same uvicorn, and one that also validates each batch as the collector
does; posts the same bodies to all, and reads their CPU from outside. An event counts when it was answered 200, hence
when Kafka has it with acks=all; what was shed (503) costs CPU, and counts for nothing. CPU time is fairly stable on a
shared machine; wall time is not: latencies are `bench/latency.py`'s. The best of `ROUNDS` is shown.
"""

import argparse
import asyncio
import gzip
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import cramjam
import msgspec
import psutil
from starlette.types import Receive, Scope, Send

from bench.traffic import WRITE_KEY
from ingest.body import BATCH_BYTES, CODINGS
from ingest.rules import batch as rules
from local.stack import ROOT, Stack
from schemas.problems import Refused

CONNECTIONS = 32
WARM_S, MEASURED_S, ROUNDS = 0.5, 2.0, 2
GOALS = {1: 16_000, 20: 200_000, 100: 500_000, 500: 500_000}  # durable events per CPU second
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)  # of the bodies' day
BODIES = 16  # of different people, so that records reach every partition
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": lambda body: gzip.compress(body, 6),
    "zstd": lambda body: bytes(cramjam.zstd.compress(body, 3)),
}


class Measured(NamedTuple):
    """One server under one size of batch."""

    requests: int  # answered 200
    cpu_us: float  # per request
    rss_mb: float
    loop_us: float  # of `cpu_us`, the event loop's thread; the rest is librdkafka's
    spooled: int  # answered from the disk, since the broker was too slow: such a row says little
    shed: int  # answered 503, since the machine was too slow: likewise


class Answered(NamedTuple):
    """What one load brought."""

    took_s: list[float]
    spooled: list[bytes]
    shed: list[bytes]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """The floor: reads the body, answers as many bytes as the collector does."""
    if scope["type"] == "http":
        await _body(receive)
        await _answer(send)


async def validating(scope: Scope, receive: Receive, send: Send) -> None:
    """The second floor: also inflates, and judges each event, as the collector does; stores nothing."""
    if scope["type"] != "http":
        return
    coding = dict(scope["headers"]).get(b"content-encoding", b"identity").decode()
    packed, inflate = await _body(receive), CODINGS[coding]
    body = inflate(packed, BATCH_BYTES) if inflate else packed
    found = rules.envelope(body)
    if isinstance(found, Refused):
        raise SystemExit(f"a batch of ours was refused: {found}")
    rules.accept(found, body, app="bench", batch_id="b", received_at=NOON, told_all=False)
    await _answer(send)


async def _body(receive: Receive) -> bytes:
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message["body"])
        more = message["more_body"]
    return b"".join(pieces)


async def _answer(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"29")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"success":true,"results":[]}'})


@contextmanager
def served(stack: Stack, *command: str) -> Iterator[tuple[int, psutil.Process]]:
    """The command as a process that listens on a free port (`{port}` in its words)."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, **stack.given, "INGEST_BIND": f"127.0.0.1:{port}"}
    words = [sys.executable, *(word.format(port=port) for word in command)]
    process = subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        _listening(port)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _listening(port: int) -> None:
    for _ in range(200):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port} after 10 s")


def a_body(person: int, size: int) -> bytes:
    """A phone's batch: events of about 300 bytes."""
    events = [
        {
            "type": "track", "event": "Photo Taken", "userId": f"user-{person}",
            "messageId": f"{person:08x}-3b7d-4bad-9bdd-{number:012x}", "timestamp": "2026-11-21T18:30:00.123Z",
            "properties": {"film": "darkroom-400", "roll": f"roll-{number}", "flash": False, "seconds": 0.25},
            "context": {"app": {"version": "1.4.2"}, "device": {"model": "Phone 12"}},
        }
        for number in range(size)
    ]  # fmt: skip
    return msgspec.json.encode({"batch": events, "sentAt": "2026-11-21T18:30:01Z"})


def requests(size: int, coding: str) -> list[bytes]:
    """Whole HTTP requests, ready to be written."""
    made = []
    for person in range(BODIES):
        body = PACKED[coding](a_body(person, size))
        head = (
            "POST /v1/batch HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"x-write-key: {WRITE_KEY}\r\n"
            f"content-encoding: {coding}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


async def _post_until(port: int, sent: list[bytes], deadline: float, answered: Answered) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = id(reader)
    while (began := time.perf_counter()) < deadline:
        writer.write(sent[(number := number + 1) % len(sent)])
        head = await reader.readuntil(b"\r\n\r\n")
        answer = await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        if head.startswith(b"HTTP/1.1 503"):
            answered.shed.append(answer)
            await asyncio.sleep(0.05)
            continue
        if not (head.startswith(b"HTTP/1.1 200") and b'"results":[]' in answer):
            raise SystemExit(f"a batch was not simply accepted: {answer[:300]!r}")
        if b"spool" in answer:
            answered.spooled.append(answer)
        answered.took_s.append(time.perf_counter() - began)
    writer.close()


async def load(port: int, sent: list[bytes], seconds: float) -> Answered:
    """`CONNECTIONS` closed loops for so long."""
    answered, deadline = Answered([], [], []), time.perf_counter() + seconds
    await asyncio.gather(*(_post_until(port, sent, deadline, answered) for _ in range(CONNECTIONS)))
    answered.took_s.sort()
    return answered


def cpu_s(process: psutil.Process) -> tuple[float, float]:
    """Of the whole process, and of its first thread, which runs the event loop."""
    times = process.cpu_times()
    first = next(thread for thread in process.threads() if thread.id == process.pid)
    return times.user + times.system, first.user_time + first.system_time


def measured(port: int, process: psutil.Process, sent: list[bytes]) -> Measured:
    """CPU of the process per request, read from outside."""
    asyncio.run(load(port, sent, WARM_S))
    before = cpu_s(process)
    answered = asyncio.run(load(port, sent, MEASURED_S))
    whole_us, loop_us = ((b - a) / len(answered.took_s) * 1e6 for a, b in zip(before, cpu_s(process), strict=True))
    return Measured(
        requests=len(answered.took_s),
        cpu_us=whole_us,
        rss_mb=process.memory_info().rss / 1e6,
        loop_us=loop_us,
        spooled=len(answered.spooled),
        shed=len(answered.shed),
    )


def best(port: int, process: psutil.Process, sent: list[bytes]) -> Measured:
    """Others use the machine, too: what they cost us is in every round but the best."""
    return min((measured(port, process, sent) for _ in range(ROUNDS)), key=lambda found: found.cpu_us)


def floor(app: str) -> tuple[str, ...]:
    """The command that serves one of the floors."""
    return ("-m", "uvicorn", f"bench.collector:{app}", "--port", "{port}", "--no-access-log",
            "--lifespan", "off", "--http", "httptools", "--loop", "uvloop")  # fmt: skip


def main() -> None:
    """The table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--stack", default="default")
    arguments.add_argument("--coding", choices=PACKED, default="identity")
    given = arguments.parse_args()
    stack = Stack.named(given.stack)
    print(
        "batch  bytes  us/request  of loop   echo  +judged  above  events/CPU s     goal  RSS MB  answers  spooled shed"
    )
    with (
        served(stack, "-m", "ingest") as collector,
        served(stack, *floor("echo")) as echoes,
        served(stack, *floor("validating")) as judges,
    ):
        for size, goal in GOALS.items():
            sent = requests(size, given.coding)
            found, echoed, judged = (best(*server, sent) for server in (collector, echoes, judges))
            print(
                f"{size:5} {len(sent[0]):6} {found.cpu_us:11.0f} {found.loop_us:8.0f} {echoed.cpu_us:6.0f}"
                f" {judged.cpu_us:8.0f} {found.cpu_us / echoed.cpu_us:5.1f}x {size / found.cpu_us * 1e6:13,.0f}"
                f" {goal:8,} {found.rss_mb:7.0f} {found.requests:9} {found.spooled:8} {found.shed:4}",
                flush=True,
            )


if __name__ == "__main__":
    main()
