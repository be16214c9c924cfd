"""How large a request may be."""

from collections.abc import AsyncIterator

import pytest

from tests.bad_requests import CHUNKED, endless, head
from tests.ingest.edges import REAL
from tests.ingest.served import reader, serving
from tests.wire import Script, Served


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(reader, REAL) as served:
        yield served


async def test_a_large_body_is_refused_from_its_head_alone(served: Served) -> None:
    heard = await served.hear([head(b"Content-Length: 5000001")])

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
        for part in endless(b"POST /v1/batch", 60_000):
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


@pytest.mark.parametrize(("count", "status"), [(20, 200), (21, 400)])
async def test_parameters_are_counted(served: Served, count: int, status: int) -> None:
    query = b"&".join(b"p%d=1" % n for n in range(count))

    assert (await served.hear([head(b"Connection: close", request=b"POST /v1/batch?" + query)])).status == status
