"""How long a client may take, for each part of a request and for its answer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from itertools import repeat

import pytest
from starlette.types import Receive, Scope, Send

from tests.bad_requests import GOOD, dripping, head
from tests.ingest.edges import HEADER_S, QUICK, REAL
from tests.ingest.served import reader, serving
from tests.wire import PATIENCE_S, Served


@pytest.fixture
async def quick() -> AsyncIterator[Served]:
    async with serving(reader, QUICK) as served:
        yield served


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(reader, REAL) as served:
        yield served


async def test_who_says_nothing_is_gone_after_the_time_for_headers(quick: Served) -> None:
    heard = await quick.hear([])

    assert heard.closed
    assert heard.raw == b""
    assert heard.seconds > HEADER_S - 0.1


async def test_line_ends_do_not_keep_a_connection(quick: Served) -> None:
    assert (await quick.hear(dripping(b"", repeat(b"\r\n")))).closed


async def test_who_connects_first_and_speaks_late_gains_nothing(quick: Served) -> None:
    """The head's time counts from the connection's begin, not from its first byte."""
    heard = await quick.hear([0.75 * HEADER_S, GOOD[:50], 0.75 * HEADER_S, GOOD[50:]])

    assert (heard.status, heard.problem["code"]) == (408, "request_timeout")


async def test_slow_but_whole_is_answered(served: Served) -> None:
    half = len(GOOD) // 2
    heard = await served.hear([GOOD[:50], 0.1, GOOD[50:half], 0.1, GOOD[half:]], ends=True)

    assert heard.status == 200


async def test_who_expects_100_is_told_to_continue(served: Served) -> None:
    asks = head(b"Content-Length: 3", b"Expect: 100-continue")
    heard = await served.hear([asks, 0.3, b"abc"], ends=True)

    assert heard.raw.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")


async def test_who_does_not_read_the_answer_is_gone() -> None:
    ended = asyncio.Event()

    async def verbose(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _piece in range(100):
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
        await send({"type": "http.response.body"})
        ended.set()

    async with serving(verbose, QUICK) as served:
        with socket.create_connection(("127.0.0.1", served.port)) as deaf:
            deaf.sendall(head(request=b"GET /"))
            await asyncio.wait_for(ended.wait(), PATIENCE_S)
