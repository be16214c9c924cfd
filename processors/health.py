"""/live, /ready and /metrics of a processors' process. Three answers do not need a framework."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import nullcontext
from typing import Any

import uvicorn

from processors.telemetry import Telemetry

Sender = Callable[[MutableMapping[str, Any]], Awaitable[None]]
TEXT = b"text/plain; version=0.0.4; charset=utf-8"


class Health:
    """The ASGI app. `alive` gives why the process is not well, or None; `ready` likewise why it does not work yet."""

    def __init__(self, telemetry: Telemetry, alive: Callable[[], str | None], ready: Callable[[], str | None]) -> None:
        self._telemetry = telemetry
        self._asked = {"/live": alive, "/ready": ready}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Sender) -> None:
        """Answers one request."""
        status, body = self._answer(str(scope.get("path")))
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", TEXT)]})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str) -> tuple[int, bytes]:
        if path == "/metrics":
            return 200, self._telemetry.text()
        if path not in self._asked:
            return 404, b"there are /live, /ready and /metrics here\n"
        wrong = self._asked[path]()
        return (503, f"{wrong}\n".encode()) if wrong else (200, b"ok\n")


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the process."""

    def capture_signals(self) -> Any:
        """Captures none."""
        return nullcontext()


async def serve(health: Health, listening: socket.socket, until: asyncio.Event) -> None:
    """Serves until the event is set."""
    server = _Server(uvicorn.Config(health, loop="none", lifespan="off", log_config=None, access_log=False, ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await until.wait()
    server.should_exit = True
    await serving
