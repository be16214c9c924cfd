"""What a request asks for, read from its text. Pure: whatever a client may get wrong is refused here, with a code."""

import re
from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256

from schemas.problems import Code, refusal
from schemas.topics import TOPICS, Origin, parse_position

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_ID = (1 << 63) - 1
MAX_TRACED = 200
ME = "me"

_ID = re.compile(r"[1-9][0-9]{0,18}")
_NUMBER = re.compile(r"[1-9][0-9]{0,2}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,200}")
_BAD: dict[str, Code] = {"limit": "bad_limit", "cursor": "bad_cursor"}
_SHAPING = ("fields", "include")  # names other services use; ours have no such thing, and say so with a code of its own


def token_sha256(authorization: str | None) -> str:
    """What sessions are kept under: the SHA-256 of the bearer's token, hex."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token):
        raise refusal("invalid_token", "expected the header Authorization: Bearer <access token>")
    return sha256(token.encode()).hexdigest()


def header(name: bytes, given: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The first one of this name, which is in lower case. The web framework takes five times as long."""
    for each, text in given:
        if each == name:
            return text.decode("latin-1")
    return None


def identifier(text: str) -> str:
    """An id as it stands in a path: plain ASCII digits."""
    if not _ID.fullmatch(text) or int(text) > MAX_ID:
        raise refusal("bad_id", "an id is 1 to 19 digits")
    return text


def traced(text: str) -> str:
    """An id that some client made up, or a position: any text that is short and can be read."""
    if len(text) > MAX_TRACED or not text.isprintable():
        raise refusal("bad_id", f"an id to trace is at most {MAX_TRACED} readable characters")
    return text


def parameters(given: Sequence[tuple[str, str]], known: Collection[str]) -> dict[str, str]:
    """The query's parameters, each of them known to the route and given once."""
    for name, _ in given:
        if name in _SHAPING:
            raise refusal("bad_fields", "answers have one shape: fields and include are not offered")
        if name not in known:
            raise refusal("unknown_param", f"this route knows the parameters: {', '.join(sorted(known)) or 'none'}")
    found = dict(given)
    if len(found) < len(given):
        twice = next(name for name in found if sum(name == other for other, _ in given) > 1)
        raise refusal(_BAD.get(twice, "bad_value"), f"{twice} is given more than once")
    return found


def limit(text: str | None) -> int:
    """How many items a page may hold."""
    if text is None:
        return DEFAULT_LIMIT
    return _number("limit", text, MAX_LIMIT)


def days(text: str | None, default: int, most: int) -> int:
    """How many days back."""
    return default if text is None else _number("days", text, most)


def read_after(text: str | None) -> Origin | None:
    """The record an earlier answer named in X-Position; this read is to show its effect."""
    if text is None:
        return None
    position = parse_position(text)
    if position is None or position.topic not in {topic.name for topic in TOPICS}:
        raise refusal("bad_value", "X-Read-After is an earlier X-Position: topic:partition:offset")
    return position


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this answer already; weak comparison (RFC 9110 section 13.1.2)."""
    if if_none_match is None:
        return False
    held = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in held or etag.removeprefix("W/") in held


def _number(name: str, text: str, most: int) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise refusal(_BAD.get(name, "bad_value"), f"{name} is out of range; expected 1..{most}")
    return int(text)
