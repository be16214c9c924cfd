"""What goes back to the client: status, headers, bytes. The same for the batch path and for FastAPI."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.types import Send

from schemas import problems
from schemas.problems import Refused

# For a fault of ours that no code foresaw. It has no row in schemas/problems.py, since nobody should build on it.
LAST_RESORT = b'{"type":"urn:darkroom:problem:internal","title":"Something broke here","status":500,"code":"internal"}'

_JSON = {"content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff"}
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class Answer:
    """One response; `x-request-id` is added where it is sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def told(status: int, body: Any, **headers: str) -> Answer:
    """A JSON answer; header names are written with underscores."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, _encoder.encode(body), {**_JSON, **given})


def empty(status: int, **headers: str) -> Answer:
    """An answer without a body."""
    return Answer(status, b"", {name.replace("_", "-"): value for name, value in headers.items()})


def problem(refused: Refused, *, instance: str, request_id: str) -> Answer:
    """The problem document, with the headers that belong to it."""
    body = problems.body(refused, instance=instance, request_id=request_id)
    return Answer(refused.status, body, problems.headers(refused))


def broken() -> Answer:
    """The last resort: says nothing of what happened."""
    return Answer(500, LAST_RESORT, {**_JSON, "content-type": problems.CONTENT_TYPE})


async def send_answer(send: Send, answer: Answer) -> None:
    """The answer as ASGI messages."""
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
