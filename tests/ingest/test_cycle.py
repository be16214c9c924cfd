"""One answer on the wire: in one piece, and nothing in it that was not meant."""

import asyncio
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.cycle import Cycle
from tests.bad_requests import GOOD, head
from tests.ingest.edges import REAL
from tests.ingest.served import serving

BODY = b"hello"
LENGTH = (b"content-length", b"5")


def answering(*headers: tuple[bytes, bytes], pieces: tuple[bytes, ...] = (BODY,), status: int = 200) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        for number, piece in enumerate(pieces, 1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})

    return app


class Writes(asyncio.Transport):
    """Remembers what was written, and that it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


async def written(app: Any, *, method: str = "POST", keep_alive: bool = True) -> Writes:
    flow: Any = type("Flow", (), {"write_paused": False, "resume_reading": lambda self: None})()
    scope: Any = {"type": "http", "method": method, "state": {}}
    transport = Writes()
    cycle = Cycle(
        scope=scope, transport=transport, flow=flow, logger=_silent(),
        access_logger=_silent(), access_log=False, default_headers=[(b"date", b"now")], message_event=asyncio.Event(),
        expect_100_continue=False, keep_alive=keep_alive, on_response=lambda: None,
    )  # fmt: skip
    await cycle.run_asgi(app)
    assert cycle.response_complete
    return transport


def _silent() -> Any:
    return type("Silent", (), {"error": lambda *_, **__: None})()


async def test_an_answer_of_one_piece_is_one_write() -> None:
    heard = await written(answering((b"x-a", b"1"), LENGTH))

    assert heard.written == [b"HTTP/1.1 200 OK\r\ndate: now\r\nx-a: 1\r\ncontent-length: 5\r\n\r\nhello"]
    assert not heard.closed


async def test_a_connection_that_is_not_kept_is_said_to_close_and_does() -> None:
    heard = await written(answering(LENGTH), keep_alive=False)

    assert b"\r\nconnection: close\r\n\r\nhello" in heard.written[0]
    assert heard.closed


@pytest.mark.parametrize(
    ("app", "method", "expected"),
    [
        (answering(LENGTH, pieces=(b"he", b"llo")), "POST", b"\r\n\r\nhello"),
        (answering(), "POST", b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        (answering(LENGTH), "HEAD", b"content-length: 5\r\n\r\n"),
        (answering(pieces=(b"",), status=204), "POST", b"HTTP/1.1 204 No Content\r\ndate: now\r\n\r\n"),
        (answering(LENGTH, (b"connection", b"close")), "POST", b"connection: close\r\n\r\nhello"),
    ],
    ids=["pieces", "no length", "HEAD", "no content", "connection"],
)
async def test_any_other_answer_is_sent_as_uvicorn_sends_it(app: ASGIApp, method: str, expected: bytes) -> None:
    assert b"".join((await written(app, method=method)).written).endswith(expected)


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0b", b"a\x7fb", b"\r\n"])
async def test_a_header_that_would_read_as_another_is_never_sent(value: bytes) -> None:
    heard = await written(answering((b"x-a", value), LENGTH))

    assert heard.written[0].startswith(b"HTTP/1.1 500")
    assert value not in b"".join(heard.written).partition(b"\r\n\r\n")[0].replace(b"\r\n", b"")


@pytest.mark.parametrize("length", [b"4", b"6", b"+5"])
async def test_an_answer_is_as_long_as_it_says(length: bytes) -> None:
    assert (await written(answering((b"content-length", length)))).written[0].startswith(b"HTTP/1.1 500")


async def test_an_app_that_breaks_behind_its_head_is_a_plain_500() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [LENGTH]})
        raise ZeroDivisionError

    heard = await written(app)

    assert b"".join(heard.written).count(b"HTTP/1.1") == 1
    assert heard.written[0].startswith(b"HTTP/1.1 500")


async def test_answers_of_one_connection_follow_each_other() -> None:
    async with serving(answering(LENGTH), REAL) as served:
        heard = await served.hear([GOOD + GOOD + head(request=b"GET /")], ends=True)

    assert heard.raw.count(b"HTTP/1.1 200 OK") == 3
    assert heard.raw.count(b"hello") == 3
