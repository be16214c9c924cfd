"""What happens to every request before and after its route: an id, the clock stopped, headers that go on everything."""

import re
from collections.abc import Callable
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import framing
from api.telemetry import Telemetry

_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Edge:
    """ASGI middleware; `new_id` makes the id of a request that brings none of its own (or a strange one)."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry, new_id: Callable[[], str]) -> None:
        self._app = app
        self._telemetry = telemetry
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; an exception passes through and counts as a 500."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["darkroom.request_id"] = self._request_id(scope)
        scope = {**scope, **_canonical(scope)}
        status, started = 500, perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            route = scope.get("darkroom.route", "unknown")
            self._telemetry.answered(route, status, perf_counter() - started, request_id)

    def _request_id(self, scope: Scope) -> str:
        for name, given in scope["headers"]:
            if name == b"x-request-id" and _ID.fullmatch(given):
                return str(given, "ascii")
        return self._new_id()


def _canonical(scope: Scope) -> dict[str, str]:
    """Routes see one decoding of the path, and GET: the server itself leaves out the body that HEAD does not want."""
    method, raw = scope["method"], scope.get("raw_path")
    found = {"method": "GET" if method == "HEAD" else method}
    return {**found, "path": framing.path(raw)} if raw is not None else found
