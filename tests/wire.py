"""Bytes on a socket: a client that may say anything at any pace, and what it heard."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import uvicorn
from starlette.types import ASGIApp

PATIENCE_S = 20.0  # only a server that hangs is waited for so long
Script = Iterable[bytes | float]  # what is sent; a number: seconds of silence


@dataclass(frozen=True)
class Heard:
    """What came back until the connection closed, or until nothing came for `PATIENCE_S`."""

    raw: bytes
    closed: bool
    seconds: float

    @property
    def status(self) -> int | None:
        """Of the last answer; 100 Continue is none."""
        found = int(self._last().split(b" ", 2)[1]) if self.raw else 100
        return found if found != 100 else None

    @property
    def statuses(self) -> list[int]:
        """Of all the answers, in their order."""
        return [int(answer[:3]) for answer in self.raw.split(b"HTTP/1.1 ")[1:]]

    @property
    def head(self) -> bytes:
        return self._last().partition(b"\r\n\r\n")[0].lower()

    @property
    def body(self) -> bytes:
        return self._last().partition(b"\r\n\r\n")[2]

    @property
    def problem(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self.body)
        return found

    def _last(self) -> bytes:
        return b"HTTP/1.1 " + self.raw.rpartition(b"HTTP/1.1 ")[2]


@dataclass(frozen=True)
class Served:
    """Where something listens on this machine."""

    port: int

    async def hear(self, script: Script, *, patience_s: float = PATIENCE_S, ends: bool = False) -> Heard:
        """Says all of `script` on one connection (then, if it `ends`, FIN) while listening."""
        began = asyncio.get_running_loop().time()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        saying = asyncio.create_task(_say(writer, script, ends=ends))
        raw, closed = b"", False
        try:
            async with asyncio.timeout(patience_s):
                while piece := await reader.read(65536):
                    raw += piece
            closed = True
        except TimeoutError:
            pass
        except ConnectionError:
            closed = True
        saying.cancel()
        writer.transport.abort()
        return Heard(raw, closed, asyncio.get_running_loop().time() - began)


async def _say(writer: asyncio.StreamWriter, script: Script, *, ends: bool) -> None:
    try:
        for part in script:
            if isinstance(part, bytes):
                writer.write(part)
                await writer.drain()
            else:
                await asyncio.sleep(part)
        if ends:
            writer.write_eof()
    except ConnectionError:
        pass  # the server has closed; what it said is heard by the other half


@asynccontextmanager
async def listening(app: ASGIApp, protocol: type[asyncio.Protocol]) -> AsyncIterator[Served]:
    """The app behind this protocol on a free port, in this very loop; its lifespan is the caller's."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http=protocol, ws="none", lifespan="off", access_log=False, log_config=None, server_header=False,
            proxy_headers=False, timeout_keep_alive=1, timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        running = asyncio.create_task(server._serve([held]))  # without the signal handlers of `serve`
        while not server.started:  # noqa: ASYNC110 # uvicorn tells it by nothing else
            await asyncio.sleep(0.005)
        try:
            yield Served(held.getsockname()[1])
        finally:
            server.should_exit = True
            await running
