"""Section A of the bad inputs as bytes on a socket: each row of `bad_inputs_a.csv` is sent to the room."""

import asyncio
import csv
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from starlette.types import Receive, Scope, Send

from ingest import answers
from ingest.rules.framing import Bounds
from ingest.workers import bounds
from tests.builders import a_track
from tests.ingest.served import Heard, Script, Served, serving
from tests.ingest.world import World

HEADER_S, BODY_S, IDLE_S = 0.4, 0.8, 0.5
ROWS = list(csv.DictReader(Path(__file__).with_name("bad_inputs_a.csv").read_text().splitlines()))
KEY = b"Host: ingest\r\nX-Write-Key: local-write-key\r\nContent-Type: application/json\r\n"
ANA = f"Authorization: Bearer {'ana':-<43}".encode()
BATCH = msgspec.json.encode({"batch": [a_track("Good")]})


def head(*lines: bytes, request: bytes = b"POST /v1/batch", common: bytes = KEY) -> bytes:
    return request + b" HTTP/1.1\r\n" + common + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


GOOD = head(b"Content-Length: %d" % len(BATCH)) + BATCH
CHUNKED = b"Transfer-Encoding: chunked"


def drip(data: bytes, every_s: float) -> Script:
    for byte in data:
        yield bytes([byte])
        yield every_s


def endless(size: int) -> Script:
    yield head(CHUNKED)
    while True:
        yield b"%x\r\n%s\r\n" % (size, b" " * size)


SCRIPTS: dict[str, Script] = {
    "in-A1.1": [b"POST /v1/batch HTTP/1.1\r\n", *(part for n in range(40) for part in (b"X-%d: 1\r\n" % n, 0.05))],
    "in-A1.2": list(drip(b"GET /v1/feeds/home HTTP/1.1\r\nHost: ingest\r\n\r\n", 0.08)),
    "in-A2.1": [head(b"Content-Length: 5000"), *drip(b" " * 100, 0.05)],
    "in-A2.2": [
        head(CHUNKED, ANA, request=b"POST /v1/photos"),
        *(part for _ in range(99) for part in (b"1\r\nx\r\n", 0.05)),
    ],
    "in-A3.1": [GOOD],
    "in-A4.1": [head(b"X-Long: " + b"x" * 17_000)],
    "in-A4.2": [head(*[b"X-A: 12345"] * 2_000, request=b"GET /v1/feeds/home")],
    "in-A5.1": [head(request=b"GET /v1/photos/" + b"7" * 9_000)],
    "in-A5.2": [head(request=b"GET /v1/feeds/home?cursor=" + b"x" * 64_000)],
    "in-A6.1": [head(b"Content-Length: 10737418240")],
    "in-A6.2": [head(b"Content-Length: 5242881", request=b"POST /v1/sessions")],
    "in-A7.1": endless(60_000),
    "in-A7.2": [head(CHUNKED, request=b"POST /v1/photos/7/comments") + b"ffffffff\r\nx"],
    "in-A8.1": [head(b"Content-Length: 10", CHUNKED), b"0\r\n\r\n"],
    "in-A8.2": [head(b"Content-Length: 10", b"Content-Length: 20"), BATCH],
    "in-A8.3": [head(CHUNKED), b"%x\n%s\n0\n\n" % (len(BATCH), BATCH)],
    "in-A8.4": [head(b"Transfer-Encoding: chunked, identity"), b"0\r\n\r\n"],
    "in-A9.1": [head(b"Content-Length: -1")],
    "in-A9.2": [head(b"Content-Length: 99999999999999999999999")],
    "in-A10.1": [head(CHUNKED, ANA, request=b"POST /v1/photos"), b"ff\r\nabc"],
    "in-A11.1": [head(b"Content-Length: 100", b"Expect: 100-continue")],
    "in-A18.1": [head(request=b"FOO /v1/batch")],
    "in-A18.2": [b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"],
    "in-A19.1": [head(request=b"GET /v1/feeds/home", common=b"")],
    "in-A21.1": [head(b"X-Split: a\r\nb")],
    "in-A21.2": [head(b"X-Space : a")],
    "in-A21.3": [head(b"X-Request-Id: " + b"\x01" * 5_000)],
    "in-A23.1": [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0" * 50],
}
ENDS = {"in-A10.1"}  # with FIN


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    await world.person("ana")
    quick = replace(bounds(), header_s=HEADER_S, body_s=BODY_S, idle_s=IDLE_S, linger_s=0.2)
    async with serving(world.room.asgi, quick) as served:
        yield served


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
async def test_a_bad_request_is_answered_as_the_table_has_it(served: Served, row: dict[str, str]) -> None:
    heard = await served.hear(SCRIPTS[row["id"]], ends=row["id"] in ENDS)

    assert heard.closed
    assert heard.seconds < BODY_S + 0.5
    assert heard.status is None or str(heard.status) in row["status"].split("|") or row["id"] == "in-A3.1"
    if heard.status is None:
        assert "close" in row["status"]
    elif row["code"]:
        is_a_problem(heard, row["code"].split("|"))
    assert (await served.hear([GOOD])).status == 200


def is_a_problem(heard: Heard, codes: list[str]) -> None:
    assert heard.problem["code"] in codes
    assert heard.problem["status"] == heard.status
    assert b"content-type: application/problem+json" in heard.head
    assert b"connection: close" in heard.head
    assert b"x-request-id: " in heard.head
    assert (heard.status == 405) == (b"\r\nallow: " in heard.head)


async def test_every_row_has_its_bytes() -> None:
    assert {row["id"] for row in ROWS} == set(SCRIPTS)


async def test_a_large_body_is_refused_from_its_head_alone(served: Served) -> None:
    heard = await served.hear([head(b"Content-Length: 5000001")])

    assert heard.seconds < HEADER_S
    assert (heard.status, heard.problem["max_bytes"]) == (413, 5_000_000)
    assert heard.problem["instance"] == "/v1/batch"


@pytest.mark.parametrize(("path", "max_bytes"), [(b"/v1/photos", 25_000_000), (b"/v1/rolls", 64_000)])
async def test_each_route_has_its_own_bound(served: Served, path: bytes, max_bytes: int) -> None:
    heard = await served.hear([head(b"Content-Length: %d" % (max_bytes + 1), request=b"POST " + path)])

    assert (heard.status, heard.problem["max_bytes"]) == (413, max_bytes)


async def test_a_body_without_end_is_cut_at_the_limit(served: Served) -> None:
    sent = 0

    def counted() -> Script:
        nonlocal sent
        for part in endless(60_000):
            yield part
            sent += 60_000

    heard = await served.hear(counted())

    assert heard.status == 413
    assert sent < 20_000_000, "what the kernel's buffers hold, and what is dropped while the client reads"


async def test_chunk_lines_are_bytes_too(served: Served) -> None:
    heard = await served.hear([head(CHUNKED), *[b"1;" + b"x" * 60_000 + b"\r\n \r\n"] * 200])

    assert (heard.status, heard.problem["code"]) == (413, "payload_too_large")


async def test_a_header_without_end_is_cut(served: Served) -> None:
    heard = await served.hear([b"POST /v1/batch HTTP/1.1\r\nX-Long: ", *[b"x" * 4_000] * 100])

    assert (heard.status, heard.problem["code"]) == (431, "headers_too_large")


async def test_a_url_without_end_is_cut(served: Served) -> None:
    heard = await served.hear([b"POST /", *[b"x" * 4_000] * 100])

    assert (heard.status, heard.problem["code"]) == (414, "uri_too_long")


async def test_many_small_headers_are_too_many(served: Served) -> None:
    heard = await served.hear([head(*[b"a:b"] * 2_000)])

    assert (heard.status, heard.problem["code"]) == (431, "headers_too_large")


async def test_who_says_nothing_is_gone_after_the_time_for_headers(served: Served) -> None:
    heard = await served.hear([])

    assert heard.closed
    assert heard.raw == b""
    assert HEADER_S - 0.1 < heard.seconds < HEADER_S + 0.3


async def test_line_ends_do_not_keep_a_connection(served: Served) -> None:
    heard = await served.hear(drip(b"\r\n" * 50, 0.05))

    assert heard.closed
    assert heard.seconds < HEADER_S + 0.3


async def test_slow_but_whole_is_answered(served: Served) -> None:
    half = len(GOOD) // 2
    heard = await served.hear([GOOD[:50], 0.1, GOOD[50:half], 0.1, GOOD[half:]])

    assert heard.status == 200


async def test_who_expects_100_is_told_to_continue(served: Served) -> None:
    asks = head(b"Content-Length: %d" % len(BATCH), b"Expect: 100-continue")
    heard = await served.hear([asks, 0.3, BATCH])

    assert heard.raw.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")


async def test_one_connection_serves_many_requests_in_their_order(served: Served) -> None:
    missing = head(request=b"DELETE /nowhere")
    heard = await served.hear([GOOD + missing, GOOD[:70], 0.1, GOOD[70:] + missing])

    assert statuses(heard) == [200, 404, 200, 404]
    assert heard.seconds > IDLE_S


async def test_a_refusal_comes_after_the_answers_that_are_due(served: Served) -> None:
    heard = await served.hear([GOOD + GOOD + head(b"Content-Length: -1")])

    assert statuses(heard) == [200, 200, 400]


async def test_a_flood_of_requests_on_one_connection_ends(served: Served) -> None:
    heard = await served.hear([GOOD * 300])

    assert heard.closed
    assert set(statuses(heard)[:-1]) == {200}
    assert statuses(heard)[-1] == 503


async def test_who_ends_after_a_request_still_hears_the_answer(served: Served) -> None:
    heard = await served.hear([GOOD], ends=True)

    assert heard.status == 200
    assert heard.seconds < IDLE_S


async def test_a_refused_client_that_goes_on_sending_still_hears_why(served: Served) -> None:
    def phone() -> bytes:
        with socket.create_connection(("127.0.0.1", served.port)) as sent:
            sent.sendall(head(b"Content-Length: 9000000"))
            for _ in range(20):
                sent.sendall(b" " * 50_000)
                time.sleep(0.005)
            return sent.recv(65536)

    assert (await asyncio.to_thread(phone)).startswith(b"HTTP/1.1 413")


async def test_who_ends_within_a_body_hears_so(served: Served) -> None:
    heard = await served.hear([head(b"Content-Length: 100") + b"{"], ends=True)

    assert (heard.status, heard.problem["code"]) == (400, "incomplete_body")


async def test_trailers_are_no_headers() -> None:
    seen = list[tuple[bytes, bytes]]()

    async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        seen.extend(scope["headers"])
        await answers.send_answer(send, answers.empty(200))

    async with serving(reads_all, Bounds(idle_s=IDLE_S)) as served:
        heard = await served.hear([head(CHUNKED) + b"2\r\nab\r\n0\r\nX-Late: 1\r\n\r\n"])

    assert heard.status == 200
    assert (b"host", b"ingest") in seen
    assert (b"x-late", b"1") not in seen


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /\r\n\r\n", 400, "bad_request_line"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400, "bad_request_line"),
        (b"get / HTTP/1.1\r\n\r\n", 400, "bad_request_line"),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400, "bad_request_line"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"),
        (b"GET /\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"),
        (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request_line"),
        (head(b"Host: two"), 400, "bad_host"),
        (head(b"Transfer-Encoding: gzip, chunked"), 400, "bad_framing"),
        (head(b"Transfer-Encoding: identity"), 400, "bad_framing"),
        (head(CHUNKED, CHUNKED), 400, "bad_framing"),
        (b"POST /v1/batch HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad_framing"),
        (head(b"Content-Length: 3, 3"), 400, "bad_framing"),
        (head(b"X-Folded: a\r\n b"), 400, "bad_header"),
        (head(b"X-Nul: a\0b"), 400, "bad_header"),
        (head(b"X-Lf: a\nb: c"), 400, "bad_header"),
        (head(b"Connection: Upgrade", b"Upgrade: websocket", request=b"GET /live"), 400, "bad_header"),
    ],
)  # fmt: skip
async def test_what_is_not_http_is_a_problem(served: Served, sent: bytes, status: int, code: str) -> None:
    heard = await served.hear([sent])

    assert heard.closed
    assert heard.status == status
    is_a_problem(heard, [code])


async def test_who_does_not_read_the_answer_is_gone() -> None:
    ended = asyncio.Event()

    async def verbose(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _piece in range(100):
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
        await send({"type": "http.response.body"})
        ended.set()

    async with serving(verbose, Bounds(header_s=HEADER_S, body_s=BODY_S, idle_s=IDLE_S)) as served:
        with socket.create_connection(("127.0.0.1", served.port)) as deaf:
            deaf.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.wait_for(ended.wait(), BODY_S + 1)


async def test_an_app_that_breaks_is_a_problem_too() -> None:
    async def broken(_: Scope, __: Receive, ___: Send) -> None:
        raise RuntimeError("a fault of ours")

    async with serving(broken, Bounds(idle_s=IDLE_S)) as served:
        heard = await served.hear([b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"])

    assert heard.status == 500
    assert b"content-type: application/problem+json" in heard.head


async def test_ambiguous_framing_is_a_line_for_security(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    await served.hear([head(b"Content-Length: 3", b"Content-Length: 4")])

    told = capfd.readouterr()
    assert "framing is ambiguous" in told.out + told.err


def statuses(heard: Heard) -> list[int]:
    return [int(answer[:3]) for answer in heard.raw.split(b"HTTP/1.1 ")[1:]]
