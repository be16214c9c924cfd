"""Section A of the bad inputs: the rows of `ingest/bad_inputs_a.csv`, the bytes that they describe, the verdict.

A row names the rooms it is sent to: `public` where the way through the proxy makes a difference. `later` is the reason
why a row cannot have its answer yet.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec

from tests.builders import a_track
from tests.ingest import bad_inputs
from tests.ingest.bad_inputs import Sent
from tests.wire import Heard, Script

ENDS = {"in-A10.1"}  # with FIN
LAST = {"in-A20.2"}  # nobody signs in from here any more
SLOW = {"in-A1.1", "in-A1.2", "in-A2.1", "in-A2.2", "in-A3.1", "in-A11.1"}  # what is waited for is a deadline
PACE_S = 0.05
BATCH = msgspec.json.encode({"batch": [a_track("Good")]})
KEY = b"X-Write-Key: local-write-key\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
HOST = b"Host: 127.0.0.1:8001\r\n"


class Row(msgspec.Struct, frozen=True):
    """One line of the table; alternatives stand between bars."""

    id: str
    rooms: str
    method: str
    path: str
    input: str
    status: str
    code: str
    notes: str
    later: str

    @property
    def is_told_to_security(self) -> bool:
        return "seclog" in self.notes


@dataclass(frozen=True)
class Somebody:
    """Who sends it: signed in with `token`, and able to see `photo`."""

    token: str
    photo: str = "7"

    @property
    def bearer(self) -> bytes:
        return f"Authorization: Bearer {self.token}\r\n".encode()


def rows(room: str) -> list[Row]:
    """Those that this room is sent, and can answer."""
    return [row for row in every_row() if room in row.rooms.split("|") and not row.later]


def every_row() -> list[Row]:
    with (Path(__file__).parent / "ingest" / "bad_inputs_a.csv").open(newline="") as table:
        return [msgspec.convert(line, Row) for line in csv.DictReader(table)]


def script(row: Row, by: Somebody) -> Script:
    """What is sent for the row."""
    return SCRIPTS[row.id](by) if row.id in SCRIPTS else posted(bad_inputs.CASES[row.id]())


def verdict(row: Row, heard: Heard) -> str:
    """What is wrong with the answer; empty: nothing."""
    told = f"{row.id} heard {heard.status} {heard.body[:300]!r} after {heard.seconds:.1f} s, closed: {heard.closed}"
    if not heard.closed:
        return f"{told}: the connection stays"
    if heard.status is None:
        return "" if "close" in row.status else f"{told}: no answer"
    if row.status == "close":  # after an answer to what came before
        return ""
    is_success = 200 <= heard.status < 300
    if not (str(heard.status) in row.status.split("|") or (is_success and "2xx" in row.status)):
        return f"{told}: another status"
    return "" if is_success or is_a_problem(heard, row.code.split("|")) else f"{told}: not the problem {row.code}"


def is_a_problem(heard: Heard, codes: list[str]) -> bool:
    """With this code, and everything else that a problem has as the last answer on its connection."""
    return (
        b"content-type: application/problem+json" in heard.head
        and (codes == [""] or heard.problem["code"] in codes)
        and heard.problem["status"] == heard.status
        and b"connection: close" in heard.head
        and b"x-request-id: " in heard.head
        and (heard.status == 405) == (b"\r\nallow: " in heard.head)
    )


def head(*lines: bytes, request: bytes = b"POST /v1/batch", common: bytes = HOST + KEY + JSON) -> bytes:
    return request + b" HTTP/1.1\r\n" + common + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def posted(made: bytes | Sent) -> list[bytes]:
    """A batch, whole, on a connection that ends with it."""
    sent = made if isinstance(made, Sent) else Sent(made)
    given = {"content-type": "application/json", "connection": "close", **sent.headers}
    lines = (f"{name}: {value}".encode() for name, value in given.items() if value is not None)
    return [head(*lines, b"Content-Length: %d" % len(sent.body), common=HOST + KEY) + sent.body]


def read(path: bytes, *lines: bytes, by: Somebody | None = None, common: bytes = HOST) -> list[bytes]:
    """A GET, whole, on a connection that ends with it."""
    signed = by.bearer if by else b""
    return [head(*lines, b"Connection: close", request=b"GET " + path, common=common + signed)]


def command(path: bytes, body: bytes, *lines: bytes, by: Somebody | None = None) -> list[bytes]:
    """A command, whole, on a connection that ends with it."""
    signed = by.bearer if by else b""
    length = b"Content-Length: %d" % len(body)
    return [head(*lines, length, b"Connection: close", request=b"POST " + path, common=HOST + signed) + body]


def dripping(data: bytes, pieces: Iterator[bytes]) -> Iterator[bytes | float]:
    """The data, then piece by piece for ever."""
    yield data
    for piece in pieces:
        yield PACE_S
        yield piece


def endless(request: bytes, size: int) -> Iterator[bytes | float]:
    """Chunks without end."""
    yield head(CHUNKED, request=request)
    while True:
        yield b"%x\r\n%s\r\n" % (size, b" " * size)


def signing_in(n: int) -> bytes:
    """A wrong password, said to come from another address each time."""
    length = b"Content-Length: %d" % len(WRONG_PASSWORD)
    said = b"X-Forwarded-For: 10.1.2.%d" % n
    return head(length, said, request=b"POST /v1/sessions", common=HOST + JSON) + WRONG_PASSWORD


GOOD = head(b"Content-Length: %d" % len(BATCH)) + BATCH
WRONG_PASSWORD = b'{"username":"ana","password":"not the password"}'

SCRIPTS: dict[str, Callable[[Somebody], Script]] = {
    "in-A1.1": lambda _: dripping(b"POST /v1/batch HTTP/1.1\r\n", (b"X-%d: 1\r\n" % n for n in count())),
    "in-A1.2": lambda _: dripping(b"", (b"%c" % c for c in b"GET /v1/feeds/home?cursor=" + b"x" * 8_000)),
    "in-A2.1": lambda _: dripping(head(b"Content-Length: 5000"), (b" " for _ in count())),
    "in-A2.2": lambda by: dripping(
        head(CHUNKED, by.bearer[:-2], request=b"POST /v1/photos"), (b"1\r\nx\r\n" for _ in count())
    ),
    "in-A3.1": lambda by: [head(request=b"GET /v1/feeds/home", common=HOST + by.bearer)],
    "in-A4.1": lambda _: [head(b"X-Long: " + b"x" * 17_000)],
    "in-A4.2": lambda _: [head(*[b"X-A: 12345"] * 2_000, request=b"GET /v1/feeds/home")],
    "in-A5.1": lambda _: [head(request=b"GET /v1/photos/" + b"7" * 9_000)],
    "in-A5.2": lambda _: [head(request=b"GET /v1/feeds/home?cursor=" + b"x" * 64_000)],
    "in-A6.1": lambda _: [head(b"Content-Length: 10737418240")],
    "in-A6.2": lambda _: [head(b"Content-Length: 5242881", request=b"POST /v1/sessions")],
    "in-A7.1": lambda _: endless(b"POST /v1/batch", 60_000),
    "in-A7.2": lambda _: [head(CHUNKED, request=b"POST /v1/photos/7/comments") + b"ffffffff\r\nx"],
    "in-A8.1": lambda _: [head(b"Content-Length: 10", CHUNKED), b"0\r\n\r\n"],
    "in-A8.2": lambda _: [head(b"Content-Length: 10", b"Content-Length: 20"), BATCH],
    "in-A8.3": lambda _: [head(CHUNKED), b"%x\n%s\n0\n\n" % (len(BATCH), BATCH)],
    "in-A8.4": lambda _: [head(b"Transfer-Encoding: chunked, identity"), b"0\r\n\r\n"],
    "in-A9.1": lambda _: [head(b"Content-Length: -1")],
    "in-A9.2": lambda _: [head(b"Content-Length: 99999999999999999999999")],
    "in-A10.1": lambda by: [head(CHUNKED, by.bearer[:-2], request=b"POST /v1/photos"), b"ff\r\nabc"],
    "in-A11.1": lambda _: [head(b"Content-Length: 100", b"Expect: 100-continue")],
    "in-A15.1": lambda by: command(b"/v1/photos", b"{}", by=by),
    "in-A15.2": lambda by: command(b"/v1/photos/7/comments", b'{"text":"a"}', b"Content-Type: text/plain", by=by),
    "in-A15.3": lambda by: command(b"/v1/rolls", b"{}", b"Content-Type: multipart/form-data; boundary=x", by=by),
    "in-A16.3": lambda by: command(b"/v1/rolls", '{"name":"a"}'.encode("utf-32"), JSON[:-2], by=by),
    "in-A17.3": lambda by: command(b"/v1/photos/7/comments", b'{"text":"\xed\xa0\xbd\xed\xb8\x80"}', JSON[:-2], by=by),
    "in-A18.1": lambda _: [head(request=b"FOO /v1/batch")],
    "in-A18.2": lambda _: [b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"],
    "in-A18.3": lambda by: [head(b"Connection: close", request=b"DELETE /v1/feeds/home", common=HOST + by.bearer)],
    "in-A19.1": lambda by: read(b"/v1/feeds/home", by=by, common=b""),
    "in-A19.2": lambda by: read(b"/v1/feeds/home", by=by, common=b"Host: evil.example\r\n"),
    "in-A20.1": lambda _: command(
        b"/v1/sessions", WRONG_PASSWORD, JSON[:-2], *[b"X-Forwarded-For: 10.1.2.%d" % n for n in range(50)]
    ),
    "in-A20.2": lambda _: [
        *(signing_in(n) for n in range(10)),
        signing_in(10).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
    ],
    "in-A21.1": lambda _: [head(b"X-Split: a\r\nb")],
    "in-A21.2": lambda _: [head(b"X-Space : a")],
    "in-A21.3": lambda _: [head(b"X-Request-Id: " + b"\x01" * 5_000)],
    "in-A22.1": lambda by: read(f"/v1/photos/{by.photo}".encode(), b"Range: bytes=" + b"0-," * 5_000, by=by),
    "in-A22.2": lambda by: read(b"/v1/feeds/home", b"Range: bytes=-1", by=by),
    "in-A23.1": lambda _: [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0" * 50],
    "in-A24.1": lambda by: read(f"/v1/%2e%2e/photos/{by.photo}".encode(), by=by),
    "in-A24.2": lambda by: read(b"/v1/photos/%00", by=by),
    "in-A24.3": lambda by: read(f"/v1/photos;x=1/{by.photo}".encode(), by=by),
    "in-A24.4": lambda by: read(f"/v1%2fphotos%2f{by.photo}".encode(), by=by),
    "in-A25.1": lambda by: read(b"/v1/feeds/home?" + b"&".join(b"p%d=1" % n for n in range(1_000)), by=by),
    "in-A25.2": lambda by: read(f"/v1/photos/{by.photo}?debug=1".encode(), by=by),
}
