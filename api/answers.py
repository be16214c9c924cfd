"""Answers as bytes: JSON with its ETag, 304 for who has it already, problems (RFC 9457)."""

from collections.abc import Mapping, Sequence
from hashlib import sha1
from urllib.parse import quote

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.asked import matches
from api.hot import Ready
from schemas.problems import Refusal, Refused, body, headers

STALE = {"x-stale": "1"}  # views are being rebuilt, or had not passed X-Read-After within its second
# `no-cache`: keep it, but ask each time, since a follow, block or deletion holds from the next read on
CACHE = {"cache-control": "private, no-cache", "vary": "authorization", "x-content-type-options": "nosniff"}

UNKNOWN = Refused("not_found", "there is nothing at this address")
NOT_OFFERED = Refused("method_not_allowed", "this room only answers GET and HEAD; send writes to the public address")
BROKEN = Refused("internal_error", "the fault is ours and has been logged")


def _ready(made: object) -> msgspec.Raw:
    assert isinstance(made, Ready)
    return made.raw


_encoder = msgspec.json.Encoder(enc_hook=_ready)
_tell = structlog.get_logger("api")


class Answer:
    """The JSON of an answer with its headers, for whoever asks; 304 for who holds these very bytes."""

    __slots__ = ("_headers", "_whole")

    def __init__(self, content: bytes, headers: Mapping[str, str]) -> None:
        self._headers, self._whole = headers, Response(content, headers=headers, media_type="application/json")

    def to(self, if_none_match: str | None) -> Response:
        """What the client gets."""
        if matches(if_none_match, self._headers["etag"]):
            return Response(status_code=304, headers=self._headers)
        return self._whole


def json(answer: msgspec.Struct, *, is_stale: bool, degraded: Sequence[str], links: Mapping[str, str]) -> Answer:
    """`"stale": true` and `"degraded": [...]` stand in it only when it is."""
    content = _encoder.encode(answer)
    if degraded:
        content = b'{"degraded":' + _encoder.encode(degraded) + b"," + content[1:]
    if is_stale:
        content = b'{"stale":true,' + content[1:]
    etag = f'"{sha1(_told(answer, content), usedforsecurity=False).hexdigest()[:32]}"'
    return Answer(content, {**CACHE, **(STALE if is_stale else {}), **links, "etag": etag})


def _told(answer: msgspec.Struct, content: bytes) -> bytes:
    """What the ETag is made of: of a page whose items were ready their digests, with all that stands before them."""
    items = getattr(answer, "items", ())
    if not items or any([type(item) is not Ready for item in items]):
        return content
    return content[: content.index(b'"items":')] + b"".join([item.tag for item in items])


def problem(request: Request, refused: Refused, more: Mapping[str, str] | None = None) -> Response:
    """The problem document of a refusal; the address it names is percent-encoded, never raw."""
    content = body(refused, instance=quote(request.scope["path"][:200]), request_id=request_id(request))
    return Response(content, refused.status, {**headers(refused), **(more or {})})


def request_id(request: Request) -> str:
    """The id under which this request stands in the logs; the edge gave it."""
    return str(request.scope.get("darkroom.request_id", ""))


async def on_refusal(request: Request, error: Exception) -> Response:
    """What a door or rule refused. Who asks for what is not there, or is hidden from them, may be trying ids."""
    assert isinstance(error, Refusal)
    if error.refused.code == "not_found":
        route = request.scope.get("darkroom.route", "")
        _tell.warning("nothing that this reader may see", seclog=True, request_id=request_id(request), route=route)
    stale = STALE if request.scope.get("darkroom.is_stale") else {}
    return problem(request, error.refused, stale)


async def on_http(request: Request, error: Exception) -> Response:
    """No such route, or not by this method: constants."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return problem(request, NOT_OFFERED, {"allow": "GET, HEAD"})
    return problem(request, UNKNOWN)


async def on_fault(request: Request, error: Exception) -> Response:
    """Our own fault: say so and nothing more; the server logs the traceback afterwards."""
    return problem(request, BROKEN)
