"""A room behind the public address that answers with what it was asked, and a server to put it on."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import uvicorn

from local.public import target


class Room:
    """Answers with what it was asked; remembers how long its endless answers were read."""

    def __init__(self, name: str) -> None:
        self.name, self.left = name, asyncio.Event()
        self.answered = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._talk(scope, receive, send)
        elif scope["path"] == "/endless":
            await self._endless(receive, send)
        elif scope["path"] == "/openapi.json":
            await self._answer(send, {"openapi": "3.1.0", "info": {}, "paths": {"/x": {self.name: {}}}})
        else:
            await self._echo(scope, receive, send)

    async def _echo(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked = {"room": self.name, "method": scope["method"], "target": target(scope).decode(), "headers": headers}
        await self._answer(send, {**asked, "bytes": len(body)}, status=418)

    async def _answer(self, send: Any, document: Any, status: int = 200) -> None:
        headers = [(b"content-type", b"application/json"), (b"x-room", self.name.encode()), (b"set-cookie", b"a=1")]
        self.answered += 1
        start = {"type": "http.response.start", "status": status, "headers": [*headers, (b"set-cookie", b"b=2")]}
        await send(start)
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    async def _endless(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"tick", "more_body": True})
        await receive()  # returns when the reader is gone
        self.left.set()

    async def _talk(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if scope["path"] == "/forbidden":
            await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b"who are you"})
            return
        await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") == "bye":
                await send({"type": "websocket.close", "code": 4001, "reason": "as you wish"})
                return
            await send({"type": "websocket.send", **{k: message[k] for k in ("text", "bytes") if message.get(k)}})


@contextlib.asynccontextmanager
async def serving(server: uvicorn.Server) -> AsyncIterator[None]:
    running = asyncio.create_task(server._serve())  # without the signal handlers that `serve` installs
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it no other way
        await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await running


def a_room(room: Room, bind: str) -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(room, port=port(bind), log_level="critical", timeout_graceful_shutdown=1))


def port(bind: str) -> int:
    return int(bind.rpartition(":")[2])
