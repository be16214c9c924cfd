"""Phones of a simulation: the stack's collector once more, with a clock of its own, and kept connections to it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvicorn

from ingest.app import Ingest, make
from ingest.doors import Clock
from ingest.passwords import Passwords
from ingest.workers import Served
from local.stack import Stack
from schemas.topics import Origin, parse_position

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

EVERYBODYS = "a password that everybody of the simulation has"


class Answer(msgspec.Struct, frozen=True):
    """What came back; `body` is decoded, None where there is none. `position` is where its record stands in the log."""

    status: int
    body: Any
    position: Origin | None


class Phones:
    """Speaks HTTP/1.1 over connections that are kept: a tenth of what httpx takes for each request (about 1 ms)."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer. What is asked must be safe to ask twice: a kept connection may turn out to be closed."""
        lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        asked = "\r\n".join([*lines, "", ""]).encode() + body
        while self._idle:
            try:
                return await self._through(self._idle.pop(), asked)
            except (ConnectionError, asyncio.IncompleteReadError):
                continue
        return await self._through(await asyncio.open_connection("127.0.0.1", self._port), asked)

    async def _through(self, connection: Connection, asked: bytes) -> Answer:
        reader, writer = connection
        writer.write(asked)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection") == "close":
            writer.close()
        else:
            self._idle.append(connection)
        told = msgspec.json.decode(body) if body else None
        return Answer(int(head.split(" ", 2)[1]), told, parse_position(fields.get("x-position", "")))

    def close(self) -> None:
        """Hangs up."""
        for _, writer in self._idle:
            writer.close()


class OneHash(Passwords):
    """Argon2 takes 30 ms of a core for each password; who are simulated share one, and so its hash."""

    def __init__(self) -> None:
        super().__init__()
        self._hash: asyncio.Future[str] | None = None

    async def hash(self, password: str) -> str:
        """The hash of everybody's password, made once."""
        assert password == EVERYBODYS, "only for people of the simulation"
        if self._hash is None:
            self._hash = asyncio.ensure_future(super().hash(password))
        return await self._hash


@asynccontextmanager
async def opened(stack: Stack, clock: Clock, write_keys: Mapping[str, str]) -> AsyncIterator[tuple[Ingest, Phones]]:
    """The stack's collector with this clock and a write key for each app, on a free port in this loop."""
    told = ",".join(f"{key}={app}" for app, key in write_keys.items())
    room = make(msgspec.structs.replace(stack.settings, write_keys=told), clock, OneHash())
    protocol = type("OnAClock", (Served,), {"gate": room.asgi})
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        config = uvicorn.Config(room.asgi, http=protocol, ws="none", lifespan="on", access_log=False, log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([held]))
        while not server.started:  # noqa: ASYNC110 # uvicorn tells it by nothing else
            await asyncio.sleep(0.01)
        phones = Phones(held.getsockname()[1])
        try:
            yield room, phones
        finally:
            phones.close()
            server.should_exit = True
            await serving
