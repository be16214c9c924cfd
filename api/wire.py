"""One connection to Redis that all requests share: what they ask in one turn of the event loop goes out in one write.

redis-py's pipeline costs ten times as much, most of it in its own layers (`bench/feed.py`). Questions are answered in
the order in which they were asked, so the oldest one waits for the next answer. Each ends with a PING of a text that
nobody can guess, and its answers where the server says that text: so they need not be read to be told apart.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from secrets import token_hex
from time import monotonic
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

import hiredis

from api.circuit import Circuit
from api.visit import CURRENT

Command = tuple[str | int, ...]
Ask = Callable[..., Awaitable[list[Any]]]  # commands -> answers, one round trip
NOTHING_YET = object()
_PING = b"*2\r\n$4\r\nPING\r\n"
SEAM_TOLD = b"$32\r\n%b\r\n" % token_hex(16).encode()
LONGEST_END = 5 + 28 + 2
T = TypeVar("T")
SEAM = _PING + SEAM_TOLD  # between questions that are asked together, and so between their answers

_pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment]  # its stub knows tuples of one


def pack(commands: Iterable[Command]) -> bytes:
    """The commands as RESP."""
    return b"".join(map(_pack, commands))


def a_reader() -> hiredis.Reader:
    """Reads whole answers only."""
    return hiredis.Reader(encoding="utf-8", notEnoughData=NOTHING_YET)


class Away(ConnectionError):
    """The server cannot be reached, or left; what was asked may be asked again."""


class Slow(TimeoutError):
    """The server did not answer in time."""


@dataclass(slots=True)
class Question:
    """Some commands of one request; what is told ends with `end`."""

    end: bytes
    answered: asyncio.Future[bytes]


class Line(asyncio.Protocol):
    """The connection itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.is_up = False
        self._loop = loop
        self._waiting: deque[Question] = deque()
        self._unsent: list[bytes] = []
        self._unread = b""
        self._secret, self._numbers = token_hex(8).encode(), count()
        self._greeting: Greeting | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport, self.is_up = cast(asyncio.Transport, transport), True  # uvloop's is one in all but name

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told."""
        self.is_up = False
        gone: list[asyncio.Future[Any]] = [question.answered for question in self._waiting]
        gone += [self._greeting.answered] if self._greeting else []
        self._waiting.clear()
        for answered in gone:
            if not answered.done():
                answered.set_exception(Away("the views' server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Some answers, or a part of one."""
        if self._greeting is not None:
            self._greeting.read(data)
            return
        at, searched = 0, max(0, len(self._unread) - LONGEST_END)
        told = self._unread + data if self._unread else data
        while self._waiting:
            question = self._waiting[0]
            end = told.find(question.end, searched)
            if end < 0:
                break
            if not question.answered.done():
                question.answered.set_result(told[at:end])
            self._waiting.popleft()
            at = searched = end + len(question.end)
        self._unread = told[at:]

    def ask(self, packed: bytes) -> asyncio.Future[bytes]:
        """The answers to some commands, as they come."""
        end = b"$28\r\n%b%012d\r\n" % (self._secret, next(self._numbers))
        question = Question(end, self._loop.create_future())
        self._waiting.append(question)
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent += (packed, _PING, end)
        return question.answered

    def greet(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]]:
        """The answers to the first commands: one who is not signed in yet may not PING."""
        greeting = self._greeting = Greeting(len(commands), self._loop.create_future())
        greeting.answered.add_done_callback(self._greeted)
        self._transport.write(pack(commands))
        return greeting.answered

    def _greeted(self, _: object) -> None:
        self._greeting = None

    def _send(self) -> None:
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def close(self) -> None:
        """At once."""
        self._transport.abort()


class Greeting:
    """The first few answers of a server."""

    def __init__(self, wanted: int, answered: asyncio.Future[list[Any]]) -> None:
        self.answered = answered
        self._wanted, self._found = wanted, list[Any]()
        self._reader = a_reader()

    def read(self, data: bytes) -> None:
        """Some of them, or a part of one."""
        self._reader.feed(data)
        while len(self._found) < self._wanted and (answer := self._reader.gets()) is not NOTHING_YET:
            self._found.append(answer)
        if len(self._found) == self._wanted and not self.answered.done():
            self.answered.set_result(self._found)


class Wire:
    """Belongs to the event loop it is first used in; connects when it is first asked, and again when it was cut off."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._timeout_s = urlsplit(url), timeout_s
        self._line: Line | None = None
        self._connecting: asyncio.Task[Line] | None = None
        self._reader = a_reader()
        self.circuit = Circuit()

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in order."""
        return await self.ask_packed(pack(commands), len(commands))

    async def ask_packed(self, packed: bytes, wanted: int) -> list[Any]:
        """The answers to so many commands; the server's own errors are faults of ours."""
        visit = CURRENT.get()
        return self._read(await (self.ask_raw(packed) if visit is None else visit.ask(self, packed)), wanted)

    async def ask_raw(self, packed: bytes) -> bytes:
        """The answers as they came; asked once more when the connection was dead, as all are after a restart.

        `Away` and `Slow` are for the caller. While the circuit is open nothing is asked.
        """
        asked_at = monotonic()
        if not self.circuit.admits(asked_at):
            raise Away("the views' server is left alone for a moment")
        try:
            try:
                found = await self._once(packed)
            except Away:
                found = await self._once(packed)
        except (Away, Slow):
            self.circuit.failed(asked_at, monotonic())
            raise
        self.circuit.answered()
        return found

    def _read(self, told: bytes, wanted: int) -> list[Any]:
        self._reader.feed(told)
        answers = [self._reader.gets() for _ in range(wanted)]
        if self._reader.has_data() or (answers and answers[-1] is NOTHING_YET):
            self._reader = a_reader()
            raise RuntimeError(f"{wanted} questions have other than {wanted} answers")
        if told.startswith(b"-") or b"\r\n-" in told:  # as errors begin, and hardly anything else
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return answers

    def close(self) -> None:
        """Give the connection back."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._line is not None and self._line.is_up:
            self._line.close()
        self._line = None

    async def _once(self, packed: bytes) -> bytes:
        line = self._line
        if line is None or not line.is_up:
            line = await self._connected()
        answered = line.ask(packed)
        timer = line._loop.call_later(self._timeout_s, self._late, line, answered)
        try:
            return await answered
        finally:
            timer.cancel()

    async def _in_time(self, line: Line, answered: asyncio.Future[T]) -> T:
        timer = line._loop.call_later(self._timeout_s, self._late, line, answered)
        try:
            return await answered
        finally:
            timer.cancel()

    def _late(self, line: Line, answered: asyncio.Future[Any]) -> None:
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
        for answer in await self._in_time(line, line.greet(commands)):
            if isinstance(answer, Exception):
                raise answer
