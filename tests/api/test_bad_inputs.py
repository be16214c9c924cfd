"""Section A of the bad inputs as bytes on api's own socket, and what only its connections know."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from itertools import repeat

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from api import connection
from api.app import make_app
from api.framing import Bounds
from schemas.settings import Settings
from tests.api.world import World, token
from tests.bad_requests import (
    ENDS,
    HOST,
    SLOW,
    Row,
    Somebody,
    dripping,
    endless,
    head,
    is_a_problem,
    read,
    rows,
    script,
    verdict,
)  # fmt: skip
from tests.wire import PATIENCE_S, Script, Served, listening

REAL = Bounds(hosts=Settings().hosts())
QUICK = replace(REAL, request_s=0.4, answer_s=0.8, linger_s=0.2)  # for who is slow on purpose


def serving(world: World, bounds: Bounds, app: ASGIApp | None = None) -> AbstractAsyncContextManager[Served]:
    return listening(app or make_app(world.room), connection.protocol(bounds, world.room.telemetry))


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serving(world, REAL) as served:
        yield served


@pytest.fixture
async def ana(world: World) -> Somebody:
    user = await world.person("ana")
    return Somebody(token(user), await world.photo(user))


async def test_every_bad_request_is_answered_as_the_table_has_it(
    world: World, served: Served, ana: Somebody, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving(world, QUICK) as quick:
        sent = [(quick if row.id in SLOW else served, row) for row in rows("api")]
        found = await asyncio.gather(*(fault(to, row, ana, served) for to, row in sent))

    assert [what for what in found if what] == []
    assert "".join(capfd.readouterr()).count("seclog") >= sum(row.is_told_to_security for row in rows("api"))


async def fault(to: Served, row: Row, by: Somebody, patient: Served) -> str:
    """What is wrong with the row's answer, or with that of the next good request."""
    wrong = verdict(row, await to.hear(script(row, by), ends=row.id in ENDS))
    good = await patient.hear(read(b"/v1/feeds/home", by=by))
    return wrong or ("" if good.status == 200 else f"{row.id}: the next good request was answered {good.status}")


async def test_head_is_get_without_a_body(served: Served, ana: Somebody) -> None:
    (get,) = read(b"/v1/users/me", by=ana)
    got = await served.hear([get])
    asked = await served.hear([get.replace(b"GET", b"HEAD", 1)])

    assert (got.status, asked.status) == (200, 200)
    assert asked.body == b""
    assert b"content-length: %d" % len(got.body) in asked.head


async def test_another_method_is_told_what_is_offered(served: Served, ana: Somebody) -> None:
    heard = await served.hear([head(b"Connection: close", request=b"PUT /v1/users/me", common=HOST + ana.bearer)])

    assert (heard.status, heard.problem["code"]) == (405, "method_not_allowed")
    assert b"\r\nallow: get, head\r\n" in heard.head + b"\r\n"


@pytest.mark.parametrize("path", [b"/live", b"/metrics"])
async def test_a_probe_may_ask_by_any_name(served: Served, path: bytes) -> None:
    assert (await served.hear(read(path, common=b"Host: 10.1.2.3:8002\r\n"))).status == 200


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (head(b"Host: two", request=b"GET /live"), "bad_host"),
        (head(b"Transfer-Encoding: gzip, chunked", request=b"GET /live"), "bad_framing"),
        (b"GET /live HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "bad_framing"),
        (b"GET http://evil.example/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "bad_request_line"),
        (b"GET /a#b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "bad_request_line"),
        (head(b"Content-Length: 64001", request=b"GET /live"), "payload_too_large"),
        (b"GET /" + b"x" * 9_000, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 30_000, "headers_too_large"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "bad_request_line"),
    ],
)
async def test_what_may_not_be_read_is_a_problem(served: Served, sent: bytes, code: str) -> None:
    heard = await served.hear([sent])

    assert heard.closed
    assert is_a_problem(heard, [code])


async def test_a_body_without_end_is_not_read(served: Served) -> None:
    sent = 0

    def counted() -> Script:
        nonlocal sent
        for part in endless(b"GET /live", 64_000):
            yield part
            sent += 64_000

    heard = await served.hear(counted())

    assert heard.statuses in ([200], [413]), "one request has one answer"
    assert sent < 20_000_000, "what the kernel's buffers hold, and what is dropped while the client reads"


async def test_a_second_request_that_is_none_is_told_so(served: Served, ana: Somebody) -> None:
    good = head(request=b"GET /v1/feeds/home", common=HOST + ana.bearer)
    heard = await served.hear([good, 0.5, b"\x16\x03\x01\x02\x00\x01\x00"])

    assert heard.statuses in ([200, 400], [200]), "only the first's, where that was not out before the second came"


@pytest.mark.parametrize("script", [[], dripping(b"", repeat(b"\r\n")), dripping(b"GET ", repeat(b"x"))])
async def test_who_says_no_request_is_gone(world: World, script: Script) -> None:
    async with serving(world, QUICK) as served:
        assert (await served.hear(script)).closed


async def test_line_ends_behind_a_request_keep_no_connection(world: World, ana: Somebody) -> None:
    good = head(request=b"GET /v1/feeds/home", common=HOST + ana.bearer)
    async with serving(world, QUICK) as served:
        heard = await served.hear(dripping(good, repeat(b"\r\n")))

    assert heard.closed


async def test_an_answer_that_is_due_comes_before_the_end(served: Served, ana: Somebody) -> None:
    (good,) = read(b"/v1/feeds/home", by=ana)
    heard = await served.hear([good.replace(b"Connection: close\r\n", b"") + b"GET /a b c HTTP/1.1\r\n\r\n"])

    assert heard.closed
    assert heard.statuses == [200]


async def test_an_upgrade_to_something_else_is_not_taken_up(served: Served, ana: Somebody) -> None:
    (good,) = read(b"/v1/feeds/home", b"Upgrade: h2c", by=ana)
    heard = await served.hear([good.replace(b"Connection: close", b"Connection: Upgrade, HTTP2-Settings")])

    assert heard.closed
    assert heard.statuses == [200]


async def test_who_does_not_read_the_answer_is_gone(world: World) -> None:
    ended = asyncio.Event()

    async def verbose(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _piece in range(100):
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
        await send({"type": "http.response.body"})
        ended.set()

    async with serving(world, QUICK, verbose) as served:
        with socket.create_connection(("127.0.0.1", served.port)) as deaf:
            deaf.sendall(read(b"/")[0])
            await asyncio.wait_for(ended.wait(), PATIENCE_S)


async def test_what_is_refused_is_counted(world: World, served: Served) -> None:
    await served.hear([b"GET / HTTP/1.1\r\n\r\n"])

    assert 'route="unknown",status="400"} 1.0' in world.room.telemetry.page().decode()
