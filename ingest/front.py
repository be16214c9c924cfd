"""The outermost ASGI function: names each request, sends batches past FastAPI, times and answers everything."""

import re
import time
from secrets import token_hex

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest import answers, batch, body
from ingest.answers import Answer
from ingest.batch import Collector
from ingest.telemetry import Telemetry
from schemas.problems import Refusal, Refused
from schemas.telemetry import REQUEST_SECONDS, REQUESTS

METHODS = "POST, PUT, PATCH, DELETE"  # what anything here answers to; for methods that are none
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

_tell = structlog.get_logger("ingest")


class Front:
    """`rest` is the FastAPI app; it reads the request's id from `scope["state"]`, and leaves its route in the scope."""

    def __init__(self, collector: Collector, rest: ASGIApp, telemetry: Telemetry) -> None:
        self._collector = collector
        self._rest = rest
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; lifespan and anything that is not HTTP go to `rest`."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        sent = Sent(send, request_id)
        began = time.monotonic()
        if refused := scope["state"].get("refused"):  # by ingest/edge.py
            await _refuse(sent, scope["path"], refused, request_id)
        elif scope["path"] in batch.PATHS:
            await self._batch(scope, receive, sent, request_id)
        else:
            await self._rest(scope, receive, sent)
        self._count(scope, sent, time.monotonic() - began)

    async def _batch(self, scope: Scope, receive: Receive, sent: "Sent", request_id: str) -> None:
        try:
            answer = await self._collector(scope, receive, request_id)
        except Refusal as refusal:
            answer = answers.problem(refusal.refused, instance=scope["path"], request_id=request_id)
            answer = _allowing(answer, "POST")
        except body.ClientGone:
            return
        except Exception:  # the last resort (security.md S53): the client hears 500, we hear the traceback
            _tell.exception("a batch broke us", request_id=request_id)
            answer = answers.broken()
        await answers.send_answer(sent, answer)

    def _count(self, scope: Scope, sent: "Sent", seconds: float) -> None:
        """By the route's pattern, never by the path, which holds ids."""
        route = scope["path"] if scope["path"] in batch.PATHS else getattr(scope.get("route"), "path", "none")
        self._telemetry.count(REQUESTS, room="ingest", route=route, status=str(sent.status))
        self._telemetry.seconds(REQUEST_SECONDS, seconds, room="ingest", route=route)


class Sent:
    """`send` that adds `x-request-id`, and remembers the status (499: the client went before there was one)."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._header = (b"x-request-id", request_id.encode())
        self.status = 499

    async def __call__(self, message: Message) -> None:
        """Passes one message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], self._header]}
        await self._send(message)


def _request_id(scope: Scope) -> str:
    """The client's, if it looks like one, else one of ours; it travels in every record's `trace` header."""
    given = body.header(scope, b"x-request-id") or ""
    return given if REQUEST_ID.fullmatch(given) else token_hex(16)


async def _refuse(send: Send, path: str, refused: Refused, request_id: str) -> None:
    """Says why the edge did not read a request."""
    answer = answers.problem(refused, instance=path, request_id=request_id)
    await answers.send_answer(send, _allowing(answer, METHODS))


def _allowing(answer: Answer, methods: str) -> Answer:
    return answer if answer.status != 405 else Answer(405, answer.body, {**answer.headers, "allow": methods})
