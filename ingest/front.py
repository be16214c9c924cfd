"""The outermost ASGI function: names each request, lets it begin or sheds it, sends batches past FastAPI, times all."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from http import HTTPStatus
from secrets import token_hex

import msgspec
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest import answers, batch, body
from ingest.admission import RETRY_AFTER_S, Admission, Class
from ingest.answers import Answer
from ingest.batch import Collector, Named
from ingest.connection import Gate
from ingest.doors import Clock
from ingest.rules.cors import PREFLIGHT, Headers, Origins
from ingest.rules.paths import Paths
from ingest.telemetry import Telemetry
from schemas.problems import Refusal, Refused
from schemas.telemetry import REQUEST_SECONDS, REQUESTS

METHODS = "POST, PUT, PATCH, DELETE"  # what anything here answers to; for methods that are none
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
ALWAYS = frozenset({"/live", "/ready", "/metrics"})  # never shed: who looks after us must see us
FIRST = frozenset({*batch.PATHS, "/v1/sessions"})  # shed last: what would be lost, and who would be signed out
OVERLOADED = Refused("overloaded", "more comes in than can be done", retry_after_s=RETRY_AFTER_S)
NOT_FOUND = Refused("not_found", "there is nothing here for this method and path")
WRONG_METHOD = Refused("method_not_allowed", "there is nothing here for this method and path")
TOO_LATE = Refused("request_timeout", "the request came to us after its own deadline")
SHED = answers.problem(OVERLOADED, instance="", request_id="")
_NOTHING = answers.problem(NOT_FOUND, instance="/favicon.ico", request_id="")
NO_ICON = Answer(404, _NOTHING.body, {**_NOTHING.headers, "cache-control": "public, max-age=86400"})

_tell = structlog.get_logger("ingest")


class Front(Gate):
    """`rest` is the FastAPI app; it reads the request's id from `scope["state"]`, and leaves its route in the scope."""

    def __init__(
        self, collector: Collector, rest: ASGIApp, telemetry: Telemetry, *,
        admission: Admission, paths: Paths, origins: Origins, clock: Clock,
    ) -> None:  # fmt: skip
        self._collector = collector
        self._rest = rest
        self._telemetry = telemetry
        self._admission = admission
        self._paths = paths
        self._origins = origins
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; lifespan and anything that is not HTTP go to `rest`."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        began = time.monotonic()
        named = by_name(scope["headers"])
        request_id = _request_id(named)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        cors = self._origins.headers(named) if b"origin" in named else ()
        sent = Sent(send, ((b"x-request-id", request_id.encode()), *cors))
        batched = scope["path"] in batch.PATHS and scope["method"] == "POST" and "refused" not in state
        if not (batched and b"x-request-deadline" not in named) and (told := self._at_once(scope, named, request_id)):
            await answers.send_answer(sent, told)
        elif batched:
            await self._batch(scope, named, receive, sent)
        else:
            await self._command(scope, receive, sent)
        self._count(scope, sent, time.monotonic() - began)

    def turned_away(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
        """What a batch hears from the edge itself when the next turn is full; None: it may come in.

        To start the app only to shed costs three times as much, and while we are overloaded the others pay for it.
        A page's request is not answered here: a browser reads only what CORS lets it.
        """
        if path not in batch.PATHS or self._admission.comes() or any(name == b"origin" for name, _ in headers):
            return None
        self._admission.shed("batch")
        return SHED_AT_THE_EDGE

    def _at_once(self, scope: Scope, named: Named, request_id: str) -> Answer | None:
        """What is answered without work: what the edge refused (`ingest/edge.py`), what is not here, what is late."""
        method, path = scope["method"], scope["path"]
        offered = self._paths.methods(path)
        refused: Refused | None = scope["state"].get("refused")
        if refused is None and path == "/favicon.ico":
            return NO_ICON
        if refused is None and method == "OPTIONS" and offered:
            return _options(offered)
        if refused is None and (offered is None or method not in offered):
            refused = WRONG_METHOD if offered else NOT_FOUND
        if refused is None and b"x-request-deadline" in named:
            refused = self._late(named[b"x-request-deadline"])
        if refused is None:
            return None
        return _allowing(answers.problem(refused, instance=path, request_id=request_id), offered)

    def _late(self, deadline: bytes) -> Refused | None:
        """Nobody waits for the answer any more (R14). What is no time is no deadline."""
        try:
            due = msgspec.convert(deadline.decode("latin-1"), datetime)
        except msgspec.ValidationError:
            return None
        return TOO_LATE if due.tzinfo and due < self._clock() else None

    async def _command(self, scope: Scope, receive: Receive, sent: "Sent") -> None:
        path = scope["path"]
        if path in ALWAYS:
            await self._rest(scope, receive, sent)
            return
        kind: Class = "batch" if path in FIRST else "command"
        if not self._admission.begin(kind):
            await answers.send_answer(sent, SHED)
            return
        try:
            await self._rest(scope, receive, sent)
        finally:
            self._admission.end(kind)

    async def _batch(self, scope: Scope, named: Named, receive: Receive, sent: "Sent") -> None:
        if not self._admission.begin("batch"):
            await answers.send_answer(sent, SHED)
            return
        request_id: str = scope["state"]["request_id"]
        try:
            answer = await self._collector(scope, named, receive, request_id)
        except Refusal as refusal:
            answer = answers.problem(refusal.refused, instance=scope["path"], request_id=request_id)
        except body.ClientGone:
            return
        except Exception:  # the last resort (security.md S53): the client hears 500, we hear the traceback
            _tell.exception("a batch broke us", request_id=request_id)
            answer = answers.broken()
        finally:
            self._admission.end("batch")
        await answers.send_answer(sent, answer)

    def _count(self, scope: Scope, sent: "Sent", seconds: float) -> None:
        """By the route's pattern, never by the path, which holds ids."""
        route = scope["path"] if scope["path"] in batch.PATHS else getattr(scope.get("route"), "path", "none")
        self._telemetry.count(REQUESTS, room="ingest", route=route, status=str(sent.status))
        self._telemetry.seconds(REQUEST_SECONDS, seconds, room="ingest", route=route)


class Sent:
    """`send` that adds headers, and remembers the status (499: the client went before there was one)."""

    def __init__(self, send: Send, headers: Headers) -> None:
        self._send = send
        self._headers = headers
        self.status = 499

    async def __call__(self, message: Message) -> None:
        """Passes one message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], *self._headers]}
        await self._send(message)


def by_name(headers: Sequence[tuple[bytes, bytes]]) -> Named:
    """The headers by their names, without those that came twice: nobody knows which one was meant."""
    found = dict(headers)
    if len(found) == len(headers):
        return found
    times = Counter(name for name, _ in headers)
    return {name: value for name, value in found.items() if times[name] == 1}


def _request_id(named: Named) -> str:
    """The client's, if it looks like one, else one of ours; it travels in every record's `trace` header."""
    given = named.get(b"x-request-id", b"").decode("latin-1")
    return given if REQUEST_ID.fullmatch(given) else token_hex(16)


def _options(offered: frozenset[str]) -> Answer:
    """To a browser that asks before it calls, and to whoever asks what there is."""
    told = {name.decode(): value.decode() for name, value in PREFLIGHT}
    return Answer(204, headers={"allow": _listed(offered), **told})


def _allowing(answer: Answer, offered: frozenset[str] | None) -> Answer:
    if answer.status != 405:
        return answer
    return Answer(405, answer.body, {**answer.headers, "allow": _listed(offered) if offered else METHODS})


def _listed(methods: frozenset[str]) -> str:
    return ", ".join(sorted(methods))


def _raw(answer: Answer) -> bytes:
    """The whole answer as it goes over the wire."""
    lines = [f"{name}: {value}" for name, value in {**answer.headers, "content-length": str(len(answer.body))}.items()]
    reason = HTTPStatus(answer.status).phrase
    return "\r\n".join([f"HTTP/1.1 {answer.status} {reason}", *lines, "", ""]).encode() + answer.body


SHED_AT_THE_EDGE = _raw(SHED)
