"""The bytes of valid requests with a few changed, head and framing too: an answer or the end, in time, and no 5xx."""

import asyncio
import re
from random import Random

import psutil
import pytest

from local.stack import Stack
from tests.bad_requests import CHUNKED, GOOD, HOST, head
from tests.faults.collecting import Collector
from tests.fuzz.mutations import mutated, random_edits
from tests.wire import Heard, Served

COMMIT, NIGHTLY = 1_000, 20_000
ABREAST = 8
GROWTH_BYTES = 40_000_000
PROMISED_503 = (b'"code":"overloaded"', b'"code":"unavailable"', b'"code":"rebuilding"')  # the last: no views run here
BODY = GOOD.partition(b"\r\n\r\n")[2]
REQUESTS = (
    GOOD,
    GOOD + GOOD,
    head(CHUNKED) + b"%x\r\n%s\r\n5;a=b\r\n     \r\n0\r\nX-Late: 1\r\n\r\n" % (len(BODY), BODY),
    head(b"Expect: 100-continue", b"Content-Length: %d" % len(BODY)) + BODY,
    head(b"Connection: close", request=b"GET /v1/photos/7?limit=1&cursor=a%2fb", common=HOST),
    head(b"Content-Length: 2", request=b"POST http://127.0.0.1/v1/sessions") + b"{}",
    head(b"Content-Length: 0", b"Origin: https://a.example", request=b"OPTIONS /v1/batch"),
)  # fmt: skip


def fault(sent: bytes, heard: Heard) -> str:
    """What is wrong with what was heard; empty: nothing."""
    told = f"{sent[:3000]!r} heard {heard.raw[-600:]!r} after {heard.seconds:.1f} s"
    if not heard.closed:
        return f"hangs: {told}"
    statuses = re.findall(rb"HTTP/1\.1 (\d{3}) ", heard.raw)
    if heard.raw and not heard.raw.startswith(b"HTTP/1.1 "):
        return f"not HTTP: {told}"
    promised = sum(heard.raw.count(code) for code in PROMISED_503)
    is_ours = [status for status in statuses if status >= b"500" and status != b"503"]
    return f"5xx: {told}" if is_ours or statuses.count(b"503") > promised else ""


async def fuzzed(port: int, count: int, seed: int) -> dict[int, int]:
    """Sends so many; the last statuses."""
    served, dice, statuses, wrong = Served(port), Random(seed), dict[int, int](), list[str]()

    async def some(count: int) -> None:
        for _ in range(count):
            sent = mutated(dice.choice(REQUESTS), random_edits(dice))
            heard = await served.hear([sent], ends=True, patience_s=30)
            wrong.extend(filter(None, [fault(sent, heard)]))
            status = heard.status or 0
            statuses[status] = statuses.get(status, 0) + 1

    await asyncio.gather(*(some(count // ABREAST) for _ in range(ABREAST)))
    print(f"\nseed {seed}: {dict(sorted(statuses.items()))}")
    assert wrong == []
    return statuses


async def fuzzed_collector(collector: Collector, count: int, seed: int) -> None:
    """As large afterwards as before."""
    port, process = int(collector.url.rpartition(":")[2]), psutil.Process(collector.pid)
    await fuzzed(port, 200, seed + 1)  # what is allocated once
    before = process.memory_info().rss
    statuses = await fuzzed(port, count, seed)
    grown = process.memory_info().rss - before
    print(f"grown by {grown / 1e6:.1f} MB")
    assert grown < GROWTH_BYTES
    assert statuses[200] > count / 50, "some are still valid"


async def test_a_mutated_request_is_answered_or_ended(collector: Collector) -> None:
    await fuzzed_collector(collector, COMMIT, seed=4)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
async def test_many_mutated_requests_are_answered_or_ended(collector: Collector) -> None:
    await fuzzed_collector(collector, NIGHTLY, seed=Random().randrange(1 << 32))


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("room", ["api", "public"])
async def test_the_other_doors_bear_them_too(stack: Stack, room: str) -> None:
    await fuzzed(stack.addresses()[room][1], NIGHTLY // 4, seed=Random().randrange(1 << 32))
