"""Whether a request may be read at all: its bounds, and what is wrong with its head (RFC 9112; in doubt: refused).

Pure. Reads have no bodies, so there is little to allow; ingest, which takes some, has rules of its own (docs/adr/0009).
"""

import re
from dataclasses import dataclass
from itertools import chain
from urllib.parse import unquote

from schemas.problems import Refused

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Bounds:
    """How long and how large a request may be, and for whom; a connection is gone within 10 s, `linger_s` included."""

    request_s: float = 8.5  # from the first byte (on a new connection: from its begin) to the last
    answer_s: float = 28.5  # for a client to make room for more of its answer
    linger_s: float = 1.0  # how long a refused client may read before the connection is gone
    header_bytes: int = 16_384
    headers: int = 200  # each costs a call into Python; phones send about ten
    url_bytes: int = 8_192
    body_bytes: int = 64_000  # of methods that are not offered here; no route reads one
    parameters: int = 20  # of the query; no route knows half as many
    hosts: frozenset[bytes] = frozenset()  # names that may be asked for, lower case; none: any


OPEN = frozenset({b"/live", b"/ready", b"/metrics"})  # probes ask them by whatever address they know
_SLASH = re.compile("%2f", re.IGNORECASE)


def path(raw: bytes) -> str:
    """The one decoding of a path that routes see; an encoded slash stays encoded, since it parts no segments."""
    text = raw.decode("latin-1")
    return unquote(_SLASH.sub("%252F", text)) if "%" in text else text


def fault(url: bytes, headers: Headers, version: str, bounds: Bounds) -> Refused | None:
    """What is wrong with a whole head that the parser could read."""
    path, _, query = url.partition(b"?")
    if len(url) > bounds.url_bytes:
        return long_url(bounds)
    if len(headers) > bounds.headers or 4 * len(headers) + len(b"".join(chain(*headers))) > bounds.header_bytes:
        return large_headers(bounds)
    if query.count(b"&") >= bounds.parameters:
        most = f"at most {bounds.parameters} query parameters are read"
        return Refused("too_many_params", most, limit=bounds.parameters)
    if not path.startswith(b"/") or b"#" in url or version not in ("1.0", "1.1"):
        return Refused("bad_request_line", "the request target is not a path, or this is not HTTP/1.1")
    return _framing(headers, version, bounds) or _host(path, headers, version, bounds)


def _framing(headers: Headers, version: str, bounds: Bounds) -> Refused | None:
    """The parser has refused doubled, signed and overlong lengths before, and both framings at once."""
    named = dict(headers)  # mostly there is neither
    if b"transfer-encoding" not in named and b"content-length" not in named:
        return None
    codings = [text.lower() for name, text in headers if name == b"transfer-encoding"]
    if codings and (codings != [b"chunked"] or version == "1.0"):
        return Refused("bad_framing", "Transfer-Encoding is not exactly one chunked")
    length = next((int(text) for name, text in headers if name == b"content-length"), 0)
    return too_large(bounds) if length > bounds.body_bytes else None


def _host(path: bytes, headers: Headers, version: str, bounds: Bounds) -> Refused | None:
    """One that is missing, doubled or not ours: links never use it, but a page elsewhere may have sent the client."""
    hosts = [text.lower() for name, text in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        return Refused("bad_host", "a request names its host exactly once")
    name, colon, port = b"".join(hosts).rpartition(b":")
    known = (name if colon and port.isdigit() else b"".join(hosts)) in bounds.hosts
    if bounds.hosts and not known and path not in OPEN:
        return Refused("bad_host", "this host is not served here")
    return None


def too_large(bounds: Bounds) -> Refused:
    """For a body whose length is announced or reached."""
    most = f"the body is too large; at most {bounds.body_bytes} bytes"
    return Refused("payload_too_large", most, limit=bounds.body_bytes)


def long_url(bounds: Bounds) -> Refused:
    """For a URL beyond its bound."""
    return Refused("uri_too_long", f"the URL is too long; at most {bounds.url_bytes} bytes", limit=bounds.url_bytes)


def large_headers(bounds: Bounds) -> Refused:
    """For headers beyond their bounds."""
    most = f"at most {bounds.headers} headers of together {bounds.header_bytes} bytes are read"
    return Refused("headers_too_large", most, limit=bounds.header_bytes)


def unreadable(complaint: str, *, in_body: bool) -> Refused:
    """What the parser's complaint means; its words are not passed on."""
    if in_body or "Content-Length" in complaint or "Transfer-Encoding" in complaint:
        return Refused("bad_framing", "the body is not framed as RFC 9112 has it")
    if "header" in complaint:
        return Refused("bad_header", "a header is not as RFC 9112 has it")
    return Refused("bad_request_line", "the request line is not as RFC 9112 has it")
