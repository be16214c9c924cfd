"""What is no request of ours, and what it is told."""

from collections.abc import AsyncIterator

import pytest

from tests.bad_requests import CHUNKED, head, is_a_problem
from tests.ingest.edges import REAL
from tests.ingest.served import reader, serving
from tests.wire import Served


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(reader, REAL) as served:
        yield served


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET /\r\n\r\n", "bad_request_line"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "bad_request_line"),
        (b"get / HTTP/1.1\r\n\r\n", "bad_request_line"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "bad_request_line"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
        (b"GET /\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
        (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"),
        (head(b"Host: two"), "bad_host"),
        (head(common=b"Host: evil.example\r\n"), "bad_host"),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "bad_host"),
        (head(b"Transfer-Encoding: gzip, chunked"), "bad_framing"),
        (head(b"Transfer-Encoding: identity"), "bad_framing"),
        (head(CHUNKED, CHUNKED), "bad_framing"),
        (b"POST /v1/batch HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "bad_framing"),
        (head(b"Content-Length: 3, 3"), "bad_framing"),
        (head(b"X-Folded: a\r\n b"), "bad_header"),
        (head(b"X-Nul: a\0b"), "bad_header"),
        (head(b"X-Lf: a\nb: c"), "bad_header"),
        (head(b"Connection: Upgrade", b"Upgrade: websocket", request=b"GET /live"), "bad_header"),
    ],
)  # fmt: skip
async def test_what_is_not_http_is_a_problem(served: Served, sent: bytes, code: str) -> None:
    heard = await served.hear([sent])

    assert heard.closed
    assert heard.status == 400
    assert is_a_problem(heard, [code])


@pytest.mark.parametrize("target", [b"/live", b"/ready", b"/metrics", b"http://10.1.2.3:8001/live"])
async def test_a_probe_may_ask_by_any_name(served: Served, target: bytes) -> None:
    heard = await served.hear([head(b"Connection: close", request=b"GET " + target, common=b"Host: 10.1.2.3:8001\r\n")])

    assert heard.status == 200
