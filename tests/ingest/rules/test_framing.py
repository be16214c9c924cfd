import pytest

from ingest.rules import framing
from ingest.rules.framing import Bounds, Head, Headers
from schemas.problems import Refusal, Refused

HOST = (b"host", b"ingest")


def code(found: object) -> str:
    assert isinstance(found, Refused)
    return found.code


@pytest.mark.parametrize(
    ("headers", "head"),
    [
        ([HOST], Head(None, False, False, b"ingest")),
        ([HOST, (b"content-length", b"20")], Head(20, False, False, b"ingest")),
        ([HOST, (b"transfer-encoding", b"Chunked")], Head(None, True, False, b"ingest")),
        ([HOST, (b"expect", b"100-Continue"), (b"x-other", b"1")], Head(None, False, True, b"ingest")),
    ],
)
def test_a_head_says_how_its_body_is_framed(headers: Headers, head: Head) -> None:
    assert framing.head(headers, "1.1") == head


def test_only_http_1_1_needs_a_host() -> None:
    assert code(framing.head([], "1.1")) == "bad_host"
    assert framing.head([], "1.0") == Head(None, False, False)


def test_a_host_named_twice_is_none() -> None:
    assert code(framing.head([HOST, HOST], "1.1")) == "bad_host"


@pytest.mark.parametrize("version", ["0.9", "2.0"])
def test_other_versions_are_not_spoken(version: str) -> None:
    assert code(framing.head([HOST], version)) == "bad_request_line"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (b"/v1/batch", (b"/v1/batch", b"", b"")),
        (b"/v1/batch?results=all?", (b"/v1/batch", b"results=all?", b"")),
        (b"http://ingest/v1/batch?a=1", (b"/v1/batch", b"a=1", b"ingest")),
        (b"//evil.example/x", (b"//evil.example/x", b"", b"")),
    ],
)
def test_a_target_is_path_and_query_and_perhaps_a_host(url: bytes, found: tuple[bytes, bytes, bytes]) -> None:
    assert framing.target(url) == found


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/v1/photos/7", "/v1/photos/7"),
        (b"/v1/%70hotos/7", "/v1/photos/7"),
        (b"/v1%2fphotos%2F7", "/v1%2Fphotos%2F7"),
        (b"/v1/%252f", "/v1/%2f"),
        (b"/v1/%2e%2e/x", "/v1/../x"),
        (b"/v1/%ff%00", "/v1/\ufffd\0"),
    ],
)
def test_a_path_is_decoded_once_and_keeps_its_segments(raw: bytes, path: str) -> None:
    assert framing.path(raw) == path


@pytest.mark.parametrize(
    ("host", "known"),
    [
        (b"ingest.example", True),
        (b"Ingest.Example:8001", True),
        (b"[::1]:8001", True),
        (b"[::1]", True),
        (b"evil.example", False),
        (b"ingest.example.evil.example", False),
        (b"ingest.example:x", False),
        (b"", False),
    ],
)
def test_a_host_is_known_by_its_name_whatever_its_port(host: bytes, known: bool) -> None:
    assert Bounds(hosts=frozenset({b"ingest.example", b"[::1]"})).knows(host) == known
    assert Bounds().knows(host)


@pytest.mark.parametrize("url", [b"*", b"ingest:443", b"/a#b", b"ftp://ingest/x", b"http:///x", b"http://ingest"])
def test_what_is_no_path_is_no_target(url: bytes) -> None:
    with pytest.raises(Refusal, match="bad_request_line"):
        framing.target(url)


def test_bounds_are_met_exactly() -> None:
    bounds = Bounds(header_bytes=30, headers=2, url_bytes=3)

    assert framing.too_long(b"/ab", [(b"a", b"1" * 10), (b"b", b"2" * 10)], bounds) is None
    assert code(framing.too_long(b"/abc", [], bounds)) == "uri_too_long"
    assert code(framing.too_long(b"/", [(b"a", b"1" * 10), (b"b", b"2" * 11)], bounds)) == "headers_too_large"
    assert code(framing.too_long(b"/", [(b"a", b"")] * 3, bounds)) == "headers_too_large"


@pytest.mark.parametrize(
    ("line", "size"), [(b"ffffffff\r\n", 2**32 - 1), (b"1A;x=y\r\n", 26), (b"", 0), (b"\r\n", 0), (b"-1\r\n", 0)]
)
def test_a_chunk_line_begins_with_its_size(line: bytes, size: int) -> None:
    assert framing.chunk_size(line) == size
