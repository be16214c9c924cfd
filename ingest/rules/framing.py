"""Whether a request may be read at all: its bounds, and what is wrong with its head (RFC 9112; in doubt: refused)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from urllib.parse import unquote

import msgspec

from schemas.problems import Refused, refusal

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Bounds:
    """How long and how large a request may be, and for whom.

    A connection is gone within the promised 10 s (head) and 30 s (body): the deadline, `linger_s`, and half a second
    for a busy loop.
    """

    header_s: float = 8.5  # from the first byte (on a new connection: from its begin) to the blank line
    body_s: float = 28.5  # from the first byte to the last
    idle_s: float = 15.0  # between two requests
    linger_s: float = 1.0  # how long a refused client may read before the connection is gone
    header_bytes: int = 16_384
    headers: int = 200  # each costs a call into Python; phones send about ten
    url_bytes: int = 8_192
    parameters: int = 20  # of the query; no route knows half as many
    hosts: frozenset[bytes] = frozenset()  # names that may be asked for, lower case; none: any
    bodies: Mapping[str, int] = field(default_factory=dict)  # path -> bytes, where it is not the next
    body_bytes: int = 64_000

    def body(self, path: str) -> int:
        """How many bytes a body sent to `path` may have, as it comes."""
        return self.bodies.get(path, self.body_bytes)

    def knows(self, host: bytes) -> bool:
        """Whether a Host header's value, with or without a port, is one of ours."""
        name, colon, port = host.lower().rpartition(b":")
        return not self.hosts or (name if colon and port.isdigit() else host.lower()) in self.hosts


class Head(msgspec.Struct, frozen=True):
    """What the headers say about the body, and who is asked."""

    length: int | None  # None: no Content-Length
    chunked: bool
    continues: bool  # Expect: 100-continue
    host: bytes = b""


OPEN = frozenset({"/live", "/ready", "/metrics"})  # probes ask them by whatever address they know
_SLASH = re.compile("%2f", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
_METHOD = re.compile(rb"[A-Z]{1,20} ")  # anything else at the begin of a request is no HTTP at all
_WATCHED = frozenset({b"content-length", b"transfer-encoding", b"expect", b"host"})


def head(headers: Headers, version: str) -> Head | Refused:
    """How the body is framed. The parser has refused doubled, signed and overlong lengths before."""
    length, chunked, continues, hosts, host = None, False, False, 0, b""
    for name, value in headers:
        if name not in _WATCHED:
            continue
        if name == b"host":
            hosts, host = hosts + 1, value
        elif name == b"content-length":
            length = int(value)
        elif name == b"expect":
            continues = value.lower() == b"100-continue"
        elif chunked or value.lower() != b"chunked" or version == "1.0":
            return Refused("bad_framing", "Transfer-Encoding is not exactly one chunked")
        else:
            chunked = True
    if version not in ("1.1", "1.0"):
        return Refused("bad_request_line", "this is HTTP/1.1")
    if hosts > 1 or (hosts == 0 and version == "1.1"):
        return Refused("bad_host", "a request names its host exactly once")
    return Head(length, chunked, continues, host)


def target(url: bytes) -> tuple[bytes, bytes, bytes]:
    """Path, query, and the host that only an absolute target names (RFC 9112, 3.2.2). Raises `Refusal`."""
    host = b""
    if not url.startswith(b"/"):
        scheme, found, rest = url.partition(b"://")
        host, slash, rest = rest.partition(b"/")
        if not (found and slash and host and scheme.lower() in (b"http", b"https")):
            raise refusal("bad_request_line", "the request target is not a path")
        url = slash + rest
    if b"#" in url:
        raise refusal("bad_request_line", "a request target has no fragment")
    path, _, query = url.partition(b"?")
    return path, query, host


def path(raw: bytes) -> str:
    """The one decoding of a path that routes see; an encoded slash stays encoded, since it parts no segments."""
    text = raw.decode("latin-1")
    return unquote(_SLASH.sub("%252F", text)) if "%" in text else text


def too_long(url: bytes, headers: Headers, bounds: Bounds) -> Refused | None:
    """Of a whole head that is larger than most."""
    if len(url) > bounds.url_bytes:
        return long_url(bounds)
    if len(headers) > bounds.headers or size(headers) > bounds.header_bytes:
        return large_headers(bounds)
    return None


def long_url(bounds: Bounds) -> Refused:
    """For a URL beyond its bound."""
    return Refused("uri_too_long", f"the URL is too long; at most {bounds.url_bytes} bytes", limit=bounds.url_bytes)


def large_headers(bounds: Bounds) -> Refused:
    """For headers beyond their bounds."""
    most = f"at most {bounds.headers} headers of together {bounds.header_bytes} bytes are read"
    return Refused("headers_too_large", most, limit=bounds.header_bytes)


def size(headers: Headers) -> int:
    """As sent: name, colon, space, value, line end."""
    return sum(map(len, chain.from_iterable(headers))) + 4 * len(headers)


def too_large(max_bytes: int) -> Refused:
    """For a body whose length is announced or reached."""
    return Refused("payload_too_large", f"the body is too large; at most {max_bytes} bytes", limit=max_bytes)


def unknown_host() -> Refused:
    """For a Host that is not ours: a page elsewhere made the client come here, or a link was poisoned."""
    return Refused("bad_host", "this host is not served here")


def many_parameters(bounds: Bounds) -> Refused:
    """For a query beyond its bound."""
    most = f"at most {bounds.parameters} query parameters are read"
    return Refused("too_many_params", most, limit=bounds.parameters)


def late() -> Refused:
    """For a head or a body that did not come in time."""
    return Refused("request_timeout", "the request did not come in time")


def chunk_size(data: bytes) -> int:
    """The size in the chunk line that `data` begins with; 0 when there is none."""
    found = _CHUNK_SIZE.match(data)
    return int(found[0], 16) if found else 0


def unreadable(complaint: str, data: bytes, *, in_body: bool) -> Refused:
    """What the parser's complaint means; its words are not passed on. `data` is what it was fed last."""
    if in_body:
        return Refused("bad_framing", "the body is not framed as RFC 9112 has it")
    if complaint.startswith("Invalid method") and _METHOD.match(data):
        return Refused("method_not_allowed", "there is no such method here")
    if "Content-Length" in complaint or "Transfer-Encoding" in complaint:
        return Refused("bad_framing", "Content-Length or Transfer-Encoding is doubled, or not of its kind")
    if "header" in complaint:
        return Refused("bad_header", "a header is not as RFC 9112 has it")
    return Refused("bad_request_line", "the request line is not as RFC 9112 has it")
