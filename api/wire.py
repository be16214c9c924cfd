"""One connection to Redis that all requests share: what they ask in one turn of the event loop goes out in one write.

redis-py's pipeline costs ten times as much, most of it in its own layers (`bench/feed.py`). Questions are answered in
the order in which they were asked, so the oldest one waits for the next answer.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import hiredis

from api.circuit import Circuit

Command = tuple[str | int, ...]
Ask = Callable[..., Awaitable[list[Any]]]  # commands -> answers, one round trip
NOTHING_YET = object()

_pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment]  # its stub knows tuples of one


def pack(commands: Iterable[Command]) -> bytes:
    """The commands as RESP."""
    return b"".join(map(_pack, commands))


class Away(ConnectionError):
    """The server cannot be reached, or left; what was asked may be asked again."""


class Slow(TimeoutError):
    """The server did not answer in time."""


@dataclass(slots=True)
class Question:
    """Some commands of one request, and what was answered so far."""

    wanted: int
    answered: asyncio.Future[list[Any]]
    answers: list[Any] = field(default_factory=list)


class Line(asyncio.Protocol):
    """The connection itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.is_up = False
        self._loop = loop
        self._reader = hiredis.Reader(encoding="utf-8", notEnoughData=NOTHING_YET)
        self._waiting: deque[Question] = deque()
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport, self.is_up = cast(asyncio.Transport, transport), True  # uvloop's is one in all but name

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told."""
        self.is_up = False
        while self._waiting:
            question = self._waiting.popleft()
            if not question.answered.done():
                question.answered.set_exception(Away("the views' server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Some answers, or a part of one."""
        self._reader.feed(data)
        gets, waiting = self._reader.gets, self._waiting
        while waiting:
            question = waiting[0]
            answers = question.answers
            for _ in range(question.wanted - len(answers)):
                if (answer := gets()) is NOTHING_YET:
                    return
                answers.append(answer)
            waiting.popleft()
            if not question.answered.done():
                question.answered.set_result(answers)

    def ask(self, packed: bytes, wanted: int) -> asyncio.Future[list[Any]]:
        """The answers to so many commands."""
        question = Question(wanted, self._loop.create_future())
        self._waiting.append(question)
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(packed)
        return question.answered

    def _send(self) -> None:
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def close(self) -> None:
        """At once."""
        self._transport.abort()


class Wire:
    """Belongs to the event loop it is first used in; connects when it is first asked, and again when it was cut off."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._timeout_s = urlsplit(url), timeout_s
        self._line: Line | None = None
        self._connecting: asyncio.Task[Line] | None = None
        self.circuit = Circuit()

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in order."""
        return await self.ask_packed(pack(commands), len(commands))

    async def ask_packed(self, packed: bytes, wanted: int) -> list[Any]:
        """The answers to so many commands; asked once more when the connection was dead, as all are after a restart.

        `Away` and `Slow` are for the caller; the server's own errors are faults of ours. While the circuit is open
        nothing is asked.
        """
        asked_at = monotonic()
        if not self.circuit.admits(asked_at):
            raise Away("the views' server is left alone for a moment")
        try:
            found = await self._twice(packed, wanted)
        except (Away, Slow):
            self.circuit.failed(asked_at, monotonic())
            raise
        self.circuit.answered()
        return found

    async def _twice(self, packed: bytes, wanted: int) -> list[Any]:
        try:
            return await self._once(packed, wanted)
        except Away:
            return await self._once(packed, wanted)

    def close(self) -> None:
        """Give the connection back."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._line is not None and self._line.is_up:
            self._line.close()
        self._line = None

    async def _once(self, packed: bytes, wanted: int) -> list[Any]:
        line = self._line
        if line is None or not line.is_up:
            line = await self._connected()
        answers = await self._in_time(line, line.ask(packed, wanted))
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def _in_time(self, line: Line, answered: asyncio.Future[list[Any]]) -> list[Any]:
        timer = line._loop.call_later(self._timeout_s, self._late, line, answered)
        try:
            return await answered
        finally:
            timer.cancel()

    def _late(self, line: Line, answered: asyncio.Future[list[Any]]) -> None:
        """A server that is silent for so long may be gone: the next question goes to a new connection."""
        if not answered.done():
            answered.set_exception(Slow(f"the views' server did not answer within {self._timeout_s} s"))
            line.close()

    async def _connected(self) -> Line:
        """Whoever waits for a connection waits for the same attempt, and fails with it: not one after the other."""
        if self._connecting is None:
            self._connecting = asyncio.ensure_future(self._connect())
            self._connecting.add_done_callback(self._tried)
        return await asyncio.shield(self._connecting)

    def _tried(self, attempt: asyncio.Task[Line]) -> None:
        self._connecting = None
        if not attempt.cancelled() and attempt.exception() is None:
            self._line = attempt.result()

    async def _connect(self) -> Line:
        loop, url = asyncio.get_running_loop(), self._url
        tls = ssl.create_default_context() if url.scheme == "rediss" else None
        try:
            async with asyncio.timeout(self._timeout_s):
                _, line = await loop.create_connection(
                    lambda: Line(loop), url.hostname or "127.0.0.1", url.port or 6379, ssl=tls
                )
        except TimeoutError as error:
            raise Slow(f"the views' server did not take a connection within {self._timeout_s} s") from error
        except OSError as error:
            raise Away(f"the views' server takes no connection: {error}") from error
        try:
            await self._greet(line)
        except BaseException:
            line.close()
            raise
        return line

    async def _greet(self, line: Line) -> None:
        """Says who we are, and which database is meant; from now on a hash is answered as a dict (RESP3)."""
        user, password = unquote(self._url.username or ""), unquote(self._url.password or "")
        names = ("AUTH", user or "default", password) if password else ()
        commands: list[Command] = [("HELLO", 3, *names), ("SELECT", int(self._url.path.strip("/") or 0))]
        for answer in await self._in_time(line, line.ask(pack(commands), len(commands))):
            if isinstance(answer, Exception):
                raise answer
