"""Many requests on one connection, the order of their answers, and how a connection ends."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from starlette.types import Receive, Scope, Send

from ingest import answers
from tests.bad_requests import CHUNKED, GOOD, head
from tests.ingest.edges import IDLE_S, REAL
from tests.ingest.served import reader, serving
from tests.wire import Served

MISSING = head(b"Content-Length: 99000", request=b"DELETE /nowhere")
PATIENT = replace(REAL, linger_s=10.0)  # a busy client may take longer than a second to read its refusal


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(reader, PATIENT) as served:
        yield served


async def test_one_connection_serves_many_requests_in_their_order(served: Served) -> None:
    heard = await served.hear([GOOD + GOOD, GOOD[:70], 0.1, GOOD[70:] + MISSING])

    assert heard.statuses == [200, 200, 200, 413]


async def test_an_idle_connection_is_kept_for_a_while() -> None:
    async with serving(reader, replace(REAL, idle_s=IDLE_S)) as served:
        heard = await served.hear([GOOD])

    assert heard.closed
    assert heard.seconds > IDLE_S - 0.1


async def test_a_refusal_comes_after_the_answers_that_are_due(served: Served) -> None:
    heard = await served.hear([GOOD + GOOD + head(b"Content-Length: -1")])

    assert heard.statuses == [200, 200, 400]


async def test_a_flood_of_requests_on_one_connection_ends(served: Served) -> None:
    heard = await served.hear([GOOD * 300])

    assert heard.closed
    assert set(heard.statuses[:-1]) == {200}
    assert heard.statuses[-1] == 503


async def test_who_ends_after_a_request_still_hears_the_answer(served: Served) -> None:
    heard = await served.hear([GOOD], ends=True)

    assert heard.status == 200
    assert heard.seconds < REAL.idle_s


async def test_who_ends_within_a_body_hears_so(served: Served) -> None:
    heard = await served.hear([head(b"Content-Length: 100") + b"{"], ends=True)

    assert (heard.status, heard.problem["code"]) == (400, "incomplete_body")


async def test_a_refused_client_that_goes_on_sending_still_hears_why(served: Served) -> None:
    def phone() -> bytes:
        with socket.create_connection(("127.0.0.1", served.port)) as sent:
            sent.sendall(head(b"Content-Length: 9000000"))
            for _ in range(20):
                sent.sendall(b" " * 50_000)
                time.sleep(0.005)
            return sent.recv(65536)

    assert (await asyncio.to_thread(phone)).startswith(b"HTTP/1.1 413")


async def test_trailers_are_no_headers() -> None:
    seen = list[tuple[bytes, bytes]]()

    async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        seen.extend(scope["headers"])
        await answers.send_answer(send, answers.empty(200))

    async with serving(reads_all, REAL) as served:
        heard = await served.hear([head(CHUNKED) + b"2\r\nab\r\n0\r\nX-Late: 1\r\n\r\n"], ends=True)

    assert heard.status == 200
    assert b"host" in dict(seen)
    assert b"x-late" not in dict(seen)


async def test_an_app_that_breaks_is_a_problem_too() -> None:
    async def broken(_: Scope, __: Receive, ___: Send) -> None:
        raise RuntimeError("a fault of ours")

    async with serving(broken, REAL) as served:
        heard = await served.hear([head(b"Connection: close", request=b"GET /")])

    assert heard.status == 500
    assert b"content-type: application/problem+json" in heard.head
