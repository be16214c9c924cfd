"""A TCP proxy that does to a connection what networks do, switched while it runs.

It lives on an event loop in a thread of its own, so that neither a blocked test nor a busy one changes its delays.
"""

import asyncio
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

Direction = Literal["requests", "answers"]
CHUNK = 64 * 1024
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for 0 s: closing sends RST
T = TypeVar("T")


@dataclass(frozen=True)
class Rule:
    """What happens to the bytes of one direction."""

    latency_s: float = 0.0
    jitter_s: float = 0.0  # up to so much more, by chance; the order of bytes is kept
    swallowed: bool = False  # a blackhole: read, and never passed on
    cut_after: int | None = None  # bytes; what follows is swallowed, and both sides are reset


class Proxy:
    """Listens on `port` from its making on; `rules` may be changed at any time, for open connections too."""

    def __init__(self, target: tuple[str, int], seed: int = 0) -> None:
        self._target, self._random = target, random.Random(seed)
        self.rules: dict[Direction, Rule] = {"requests": Rule(), "answers": Rule()}
        self.refused = self.cut = 0  # connections
        self.greetings: set[bytes] = set()  # the first byte that each client said: 0x16 begins TLS
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = 0
        self._run(self._listen)

    def rule(self, direction: Direction, **change: Any) -> None:
        """Changes that direction's rule."""
        self.rules[direction] = replace(self.rules[direction], **change)

    def heal(self) -> None:
        """As if nothing had been."""
        self.rules = {"requests": Rule(), "answers": Rule()}
        self.up()

    def reset(self) -> None:
        """RST to both sides of every open connection."""
        self._run(self._reset)

    def down(self) -> None:
        """Connections are reset, new ones refused."""
        self._run(self._down)

    def up(self) -> None:
        """Listens again. Called twice: the same."""
        self._run(self._listen)

    def close(self) -> None:
        """Ends it, and its thread."""
        self.down()
        self._run(self._ended)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _down(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
        await self._reset()

    async def _reset(self) -> None:
        for writer in tuple(self._open):
            _reset(writer)

    async def _ended(self) -> None:
        """Nothing of ours runs on: a task left behind would be told as an error of some other test."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection(*self._target)
        except OSError:
            self.refused += 1
            _reset(writer)
            return
        both = (writer, there[1])
        self._open.update(both)
        try:
            await asyncio.gather(
                self._pass("requests", reader, there[1], both), self._pass("answers", there[0], writer, both)
            )
        finally:
            self._open.difference_update(both)
            for one in both:
                one.close()

    async def _pass(
        self,
        direction: Direction,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        both: tuple[asyncio.StreamWriter, ...],
    ) -> None:
        """One direction of one connection, until either side ends it."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = asyncio.create_task(_deliver(waiting, writer))
        due, passed = 0.0, 0
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                rule = self.rules[direction]
                if direction == "requests" and not due:
                    self.greetings.add(data[:1])
                if rule.cut_after is not None and (passed := passed + len(data)) > rule.cut_after:
                    self.cut += 1
                    for one in both:
                        _reset(one)
                    break
                due = max(due, time.monotonic() + rule.latency_s + self._random.uniform(0, rule.jitter_s))
                if not rule.swallowed:
                    waiting.put_nowait((due, data))
        waiting.put_nowait((due, b""))
        await delivering


async def _deliver(waiting: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
    """Each chunk when it is due; an empty one ends that side."""
    while True:
        due, data = await waiting.get()
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if not data or writer.is_closing():
            break
        with suppress(OSError):
            writer.write(data)
            await writer.drain()
    writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    found: socket.socket = writer.get_extra_info("socket")
    with suppress(OSError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@contextmanager
def a_proxy(target: tuple[str, int]) -> Iterator[Proxy]:
    """Open while the body runs."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
