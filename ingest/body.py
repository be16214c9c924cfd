"""Every byte from outside passes here: size, encoding, media type, UTF-8, JSON. Raises `Refusal` with a stable code."""

import json
import zlib
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import cramjam
import msgspec
from starlette.types import Receive, Scope

from ingest.rules import limits
from schemas.problems import Code, Fault, Refusal, refusal

BATCH_BYTES = 5_000_000  # inflated; as it comes, too
COMMAND_BYTES = 64_000
RATIO = 100  # honest batches inflate by 15
RATIO_FREE_BYTES = 64_000  # below this any ratio is harmless
COMMAND_NESTING = 32
GZIP_WINDOW = 31  # zlib's way of saying: exactly one gzip header and trailer

T = TypeVar("T")


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a command that says everything in its path."""


class ClientGone(Exception):
    """The client closed the connection before its body was complete: there is nobody to answer."""


def header(scope: Scope, name: bytes) -> str | None:
    """The header's value when it was sent exactly once, else None; `name` in lower case."""
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


async def read(scope: Scope, receive: Receive, *, max_bytes: int) -> bytes:
    """The whole body, decompressed, at most `max_bytes` (refused from the headers where they tell)."""
    inflate = _inflate(scope)
    _refuse_announced(scope, max_bytes)
    body = await _received(receive, max_bytes)
    return inflate(body, max_bytes) if inflate and body else body


def _inflate(scope: Scope) -> Callable[[bytes, int], bytes] | None:
    """What takes the body's one coding off; None when it has none."""
    given = [value for key, value in scope["headers"] if key == b"content-encoding"]
    named = b",".join(given).decode("latin-1").strip().lower() or "identity"
    if named not in CODINGS:
        raise refusal("unsupported_encoding", f"Content-Encoding is none of {', '.join(CODINGS)}")
    return CODINGS[named]


def _refuse_announced(scope: Scope, max_bytes: int) -> None:
    announced = header(scope, b"content-length")
    if announced and announced.isdigit() and int(announced[:20]) > max_bytes:
        raise _too_large(max_bytes)


async def _received(receive: Receive, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(max_bytes: int) -> Exception:
    return refusal("payload_too_large", f"the body is too large; at most {max_bytes} bytes", limit=max_bytes)


def gunzipped(packed: bytes, max_bytes: int) -> bytes:
    """What one gzip member holds; stops at `max_bytes` whatever it would become."""
    stream = zlib.decompressobj(GZIP_WINDOW)
    room = _room(packed, max_bytes)
    try:
        body = stream.decompress(packed, room + 1)
    except zlib.error as error:
        raise refusal("bad_encoding", "the body is not gzip") from error
    if len(body) > room:
        raise _inflates_too_far(max_bytes)
    if not stream.eof or stream.unused_data:
        raise refusal("bad_encoding", "the body is not exactly one gzip member")
    return body


def unzstd(packed: bytes, max_bytes: int) -> bytes:
    """What the zstd frames hold; stops where the room for it ends, whatever it would become."""
    into = bytearray(_room(packed, max_bytes))
    try:
        size = cramjam.zstd.decompress_into(packed, into)
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):  # its only way to say that `into` is full; a test pins it
            raise _inflates_too_far(max_bytes) from error
        raise refusal("bad_encoding", "the body is not zstd") from error
    return bytes(memoryview(into)[:size])


def _room(packed: bytes, max_bytes: int) -> int:
    """How much a body of this size may become."""
    return min(max_bytes, max(RATIO_FREE_BYTES, RATIO * len(packed)))


def _inflates_too_far(max_bytes: int) -> Exception:
    detail = f"the body inflates to too much; at most {max_bytes} bytes and {RATIO} times its size"
    return refusal("decompressed_too_large", detail, limit=max_bytes)


CODINGS: Mapping[str, Callable[[bytes, int], bytes] | None] = {"identity": None, "gzip": gunzipped, "zstd": unzstd}


def expect_type(scope: Scope, *types: str) -> str:
    """The media type, which must be one of `types` and UTF-8. An absent one is taken when `types` names ""."""
    given = header(scope, b"content-type") or ""
    named, _, parameters = given.partition(";")
    if (kind := named.strip().lower()) not in types:
        raise refusal("unsupported_media_type", f"Content-Type is none of {', '.join(filter(None, types))}")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if charset and charset not in ("utf-8", "utf8", "us-ascii"):
        raise refusal("bad_charset", "the charset is not UTF-8")
    return kind


def command(body: bytes, kind: type[T]) -> T:
    """The command in `body`: strict types, no unknown and no doubled members."""
    text = _text(body)
    bare = limits.without_strings(body)
    if limits.nesting(bare) > COMMAND_NESTING:
        raise refusal("too_deep", f"the body is nested deeper than {COMMAND_NESTING}")
    try:
        found = msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from error
    except msgspec.DecodeError as error:
        code: Code = "invalid_unicode" if "surrogate" in str(error) else "malformed_json"
        raise refusal(code, "the body is not JSON") from error
    json.loads(text, object_pairs_hook=_no_doubles)
    return found


def converted(members: dict[str, str], kind: type[T]) -> T:
    """The command in query parameters."""
    try:
        return msgspec.convert(members, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from error


def unknown_parameters(count: int, known: Collection[str]) -> Refusal:
    """For a query with parameters that its route does not know; one policy for all routes."""
    return refusal("unknown_param", f"{count} query parameters are none of: {', '.join(sorted(known)) or 'none'}")


def _text(body: bytes) -> str:
    if not body.strip():
        raise refusal("empty_body", "the body is empty")
    if body[:2] in (b"\xff\xfe", b"\xfe\xff") or body[:3] == b"\0\0\0" or body[1:4] == b"\0\0\0":
        raise refusal("bad_charset", "the body is not UTF-8")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise refusal("invalid_utf8", "the body is not UTF-8") from error


def _no_doubles(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise refusal("malformed_json", "an object names a member twice")


def _misfit(message: str) -> Exception:
    """What the client is told of msgspec's message; never its quotations, which may be the client's own words."""
    if "unknown field" in message:
        return refusal("unknown_field", "a member is not one of this command's")
    if message.startswith("Expected `object`, got") and "$" not in message:
        return refusal("not_an_object", "the body is not an object")
    pointer = _pointer(message)
    code: Code = "bad_id" if "regex" in message else "bad_value" if "enum" in message else "type_error"
    return refusal(code, f"{pointer or 'a member'} is missing or not of its type", Fault(pointer, code))


def _pointer(message: str) -> str:
    """`... - at `$.taken_at`` and `missing required field `name`` name members of ours, never of the client's."""
    if "missing required field" in message:
        return "/" + message.split("`")[1]
    _, at, path = message.partition("`$.")
    return "/" + path.rstrip("`").replace(".", "/") if at else ""
