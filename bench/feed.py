"""Claim: what a page of twenty photos costs api. About a minute, on a Valkey of its own.

    .venv/bin/python -m bench.feed

Starts `python -m api`, and a bare ASGI app on the same server that answers the very same bytes; asks both in turn, and
reads their CPU from outside. CPU per read is taken under a load of `CONNECTIONS` readers who ask again at once, and
with one alone; latency with one alone. Readers are different people with feeds of the same photos, as after a reveal.

Pages are remembered while nothing changes (`api/visits.py`). So api is measured twice: like that, and with another
count on some photo before each read, so that hardly any page is the one from before; Redis' CPU has those writes, too.
"""

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import chain, cycle
from pathlib import Path
from typing import NamedTuple

from redis.asyncio import Redis
from starlette.types import Receive, Scope, Send

from bench.fanout import cpu_s
from schemas import hashes, ids, tails
from schemas import projections as view
from schemas.hashes import Card, Profile, Size
from schemas.ids import BUCKETS, PhotoId, UserId
from tests.valkey import running_valkey

ROOT = Path(__file__).parents[1]
CONNECTIONS, READERS, AUTHORS, ENTRIES = 16, 64, 40, 400
WARM_S, MEASURED_S, ROUNDS = 0.5, 2.0, 5
GOAL_US = 120
START = datetime(2026, 1, 1, tzinfo=UTC)
FLOOR = "canned floor"
CANNED = "CANNED_ANSWER"  # the file that the floor answers


Change = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Changes nothing."""


class Measured(NamedTuple):
    """One server under one load."""

    cpu_us: float  # per read
    p50_ms: float
    p99_ms: float
    redis_us: float  # CPU of Redis per read


async def canned(scope: Scope, receive: Receive, send: Send) -> None:
    """The floor: the same head and body whatever is asked."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": _head})
        await send({"type": "http.response.body", "body": _body})


_head, _body = list[tuple[bytes, bytes]](), b""
if given := os.environ.get(CANNED):
    _lines, _, _body = Path(given).read_bytes().partition(b"\r\n\r\n")
    _pairs = [line.partition(b": ") for line in _lines.split(b"\r\n")[1:]]
    _head = [(name, value) for name, _, value in _pairs if name not in (b"date", b"server")]


def a_user(number: int) -> UserId:
    return UserId(ids.compose(START, number * 7 % BUCKETS, number))


def a_photo(number: int) -> PhotoId:
    author = a_user(number % AUTHORS)
    return PhotoId(ids.compose(START + timedelta(minutes=number), ids.bucket(author), number))


def token(reader: UserId) -> str:
    return f"token-of-person-{reader}"


async def fill(url: str) -> list[UserId]:
    """Views as processors write them; gives the readers."""
    redis = Redis.from_url(url, decode_responses=True)
    pipe = redis.pipeline(transaction=False)
    pipe.set(view.EPOCH, "1")
    readers, authors = [a_user(1000 + n) for n in range(READERS)], [a_user(n) for n in range(AUTHORS)]
    newest = [a_photo(number) for number in range(ENTRIES)][::-1]
    for person in (*readers, *authors):
        profile = Profile(username=f"person{person}", display_name="Ana Maria", tz="UTC", registered_at=START)
        pipe.execute_command("HSET", view.profile(person), *chain(*hashes.fields(profile).items()))
    for photo in newest:
        pipe.execute_command("HSET", view.card(photo), *chain(*hashes.fields(a_card(photo)).items()))
        pipe.sadd(view.likers(photo), *readers[: int(photo) % 7 + 1])
        pipe.hset(view.card(photo), hashes.LIKES, str(int(photo) % 7 + 1))
    for reader in readers:
        pipe.set(view.session(sha256(token(reader).encode()).hexdigest()), reader)
        pipe.sadd(view.following(reader), *authors)
        pipe.rpush(view.feed(reader), *newest, tails.SENTINEL)
        pipe.rpush(view.sealed(reader), tails.SENTINEL)
    await pipe.execute()
    await redis.aclose()
    return readers


def a_card(photo: PhotoId) -> Card:
    sizes = tuple(
        Size(name=name, key=f"r/{photo}/5ec7e75ec7e75ec7/{name}.jpg", width_px=1920, height_px=1280)
        for name in ("large", "medium", "small")
    )
    number = int(photo) & 0x3FF
    return Card(
        author=a_user(number % AUTHORS), visibility="public", reveal_at=ids.second(photo), captured_at=START,
        film="darkroom-400", caption="a boat, and the sea behind it", developed_at=START,
        placeholder="LEHV6nWB2yk8pyo0adR*.7kCMdnj", width_px=1920, height_px=1280, sizes=sizes,
    )  # fmt: skip


@contextmanager
def served(port: int, *command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(1200):  # a minute: a busy machine starts it slowly
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def request(reader: UserId, port: int) -> bytes:
    lines = ("GET /v1/feeds/home HTTP/1.1", f"host: 127.0.0.1:{port}", f"authorization: Bearer {token(reader)}")
    return "\r\n".join((*lines, "accept: application/json", "", "")).encode()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytes) -> bytes:
    """Head and body of the answer."""
    writer.write(asked)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    return head + await reader.readexactly(length)


def another_count(redis: Redis) -> Change:
    """One more likes one of the photos on the first page."""
    photos = cycle([view.card(a_photo(number)) for number in range(ENTRIES - 20, ENTRIES)])

    async def change() -> None:
        await redis.hincrby(next(photos), hashes.LIKES, 1)

    return change


async def one_answer(port: int, reader: UserId) -> bytes:
    stream, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = await ask(stream, writer, request(reader, port))
    writer.close()
    if not answer.startswith(b"HTTP/1.1 200") or answer.count(b'"state":"revealed"') != 20:
        raise SystemExit(f"expected a page of 20 photos; got {answer[:500]!r}")
    return answer


async def load(
    port: int, readers: list[UserId], connections: int, seconds: float, change: Change = nothing
) -> list[float]:
    """Seconds that each read took; something may change before it."""
    took, until = list[float](), time.perf_counter() + seconds

    async def one(number: int) -> None:
        stream, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = [request(reader, port) for reader in readers[number::connections]]
        while time.perf_counter() < until:
            for each in asked:
                await change()
                began = time.perf_counter()
                await ask(stream, writer, each)
                took.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(one(number) for number in range(connections)))
    return took


class Asked(NamedTuple):
    """A server to be measured; what changes meanwhile; its process and that of Redis."""

    name: str
    port: int
    change: Change
    pids: tuple[int, int]


async def measured(asked: Asked, readers: list[UserId], connections: int) -> Measured:
    before = [cpu_s(pid) for pid in asked.pids]
    took = await load(asked.port, readers, connections, MEASURED_S, asked.change)
    ours, redis = [(cpu_s(pid) - then) / len(took) * 1e6 for pid, then in zip(asked.pids, before, strict=True)]
    cuts = statistics.quantiles(took, n=100)
    return Measured(ours, cuts[49] * 1e3, cuts[98] * 1e3, redis)


async def main() -> None:
    print(f"load before {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        valkey = stack.enter_context(running_valkey(folder))
        readers, ours, floor = await fill(valkey.url), free_port(), free_port()
        given = {"REDIS_URL": valkey.url, "API_BIND": f"127.0.0.1:{ours}", "REDIS_TIMEOUT_MS": "5000"}
        api = stack.enter_context(served(ours, "-m", "api", **given))
        (folder / "answer").write_bytes(await one_answer(ours, readers[0]))
        words = ("-m", "uvicorn", "bench.feed:canned", "--port", str(floor), "--no-access-log", "--no-server-header")
        bare = stack.enter_context(served(floor, *words, **{CANNED: str(folder / "answer")}))
        redis = Redis.from_url(valkey.url, decode_responses=True)
        measures = (
            Asked("api, nothing new", ours, nothing, (api.pid, valkey.pid)),
            Asked("api, new counts", ours, another_count(redis), (api.pid, valkey.pid)),
            Asked(FLOOR, floor, nothing, (bare.pid, valkey.pid)),
        )
        await tell(measures, readers)
        await redis.aclose()
    print(f"load after {os.getloadavg()[0]:.1f}")


async def tell(servers: Sequence[Asked], readers: list[UserId]) -> None:
    found: dict[tuple[str, int], list[Measured]] = {}
    for server in servers:
        await load(server.port, readers, CONNECTIONS, WARM_S, server.change)
    for _ in range(ROUNDS):
        for connections in (CONNECTIONS, 1):
            for server in servers:
                found.setdefault((server.name, connections), []).append(await measured(server, readers, connections))
    names = ("readers", "CPU us", "p50 ms", "p99 ms", "Redis us", "x floor")
    print(f"{'':16}" + "".join(f" {name:>8}" for name in names) + f"   median of {ROUNDS} rounds")
    for (name, connections), each in found.items():
        middle = Measured(*map(statistics.median, zip(*each, strict=True)))
        bare = statistics.median(one.cpu_us for one in found[FLOOR, connections])
        claim = f"claim <= {GOAL_US} us {'' if middle.cpu_us <= GOAL_US else 'MISSED'}"
        print(
            f"{name:16} {connections:8} {middle.cpu_us:8.0f} {middle.p50_ms:8.2f} {middle.p99_ms:8.2f} "
            f"{middle.redis_us:8.0f} {middle.cpu_us / bare:8.1f}   {claim if name != FLOOR and connections > 1 else ''}"
        )


if __name__ == "__main__":
    asyncio.run(main())
