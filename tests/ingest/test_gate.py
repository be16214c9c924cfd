"""Requests for which there is no room, answered by the edge itself: on a real socket, the connection goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from ingest.connection import Gate
from ingest.edge import Edge
from ingest.front import SHED_AT_THE_EDGE
from ingest.rules import gradient
from schemas.settings import Settings
from tests.bad_requests import GOOD, head
from tests.ingest.edges import REAL
from tests.ingest.served import reader
from tests.ingest.world import World
from tests.wire import PATIENCE_S, Served, listening


class Shut(Gate):
    """Lets in as many as it is told, then nobody."""

    def __init__(self) -> None:
        self.room = 1

    def turned_away(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
        self.room -= 1
        return None if self.room >= 0 else SHED_AT_THE_EDGE


class Phone:
    """One connection that says a thing and hears the answer before it says the next."""

    def __init__(self, read: asyncio.StreamReader, write: asyncio.StreamWriter) -> None:
        self._read, self._write = read, write

    def say(self, *parts: bytes) -> None:
        self._write.write(b"".join(parts))

    async def hears(self) -> tuple[int, bytes]:
        """The next answer's status and head; 0 when there is none any more."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                head = (await self._read.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0"
                await self._read.readexactly(int(length))
        except asyncio.IncompleteReadError:
            return 0, b""
        return int(head[9:12]), head

    async def asks(self, *parts: bytes) -> int:
        self.say(*parts)
        return (await self.hears())[0]

    def ends(self) -> None:
        self._write.write_eof()


@pytest.fixture
def gate() -> Shut:
    return Shut()


@pytest.fixture
async def served(gate: Shut) -> AsyncIterator[Served]:
    async with listening(reader, type("Shutting", (Edge,), {"bounds": REAL, "gate": gate})) as served:
        yield served


@pytest.fixture
async def phone(served: Served) -> AsyncIterator[Phone]:
    """A connection on which one request was answered already."""
    read, write = await asyncio.open_connection("127.0.0.1", served.port)
    phone = Phone(read, write)
    assert await phone.asks(GOOD) == 200
    yield phone
    write.transport.abort()


async def test_who_is_turned_away_hears_when_to_come_back_and_may(phone: Phone, gate: Shut) -> None:
    assert await phone.asks(GOOD) == 200
    phone.say(GOOD)
    status, told = await phone.hears()

    assert (status, b"retry-after: 1\r\n" in told, b"problem+json" in told) == (503, True, True)
    gate.room = 1
    assert await phone.asks(GOOD) == 200


async def test_the_body_of_who_is_turned_away_is_dropped_however_it_comes(phone: Phone, gate: Shut) -> None:
    gate.room, size = 0, 1_000_000

    assert await phone.asks(head(b"Content-Length: %d" % size), b"x" * 10) == 503
    phone.say(b"x" * (size - 10))
    assert await phone.asks(head(b"Transfer-Encoding: chunked")) == 503
    phone.say(b"5\r\nhello\r\n", b"0\r\n\r\n")
    gate.room = 1
    assert await phone.asks(GOOD) == 200


async def test_many_at_once_are_turned_away_in_one_go(phone: Phone, gate: Shut) -> None:
    gate.room = 0
    phone.say(GOOD * 50)

    assert [(await phone.hears())[0] for _ in range(50)] == [503] * 50


async def test_nobody_is_turned_away_before_the_one_ahead_is_answered(phone: Phone, gate: Shut) -> None:
    gate.room = 1
    phone.say(GOOD + GOOD)

    assert (await phone.hears())[0] == 200, "answers come in the order of their requests"


async def test_who_waits_for_leave_is_answered_by_the_app(phone: Phone, gate: Shut) -> None:
    gate.room = 0

    assert await phone.asks(head(b"Content-Length: 2", b"Expect: 100-continue")) == 100
    assert await phone.asks(b"{}") == 200


async def test_who_is_turned_away_and_leaves_hears_nothing_more(phone: Phone, gate: Shut) -> None:
    gate.room = 0
    assert await phone.asks(head(b"Content-Length: 100"), b"x") == 503

    phone.ends()

    assert await phone.hears() == (0, b"")


@pytest.mark.parametrize(
    ("path", "headers", "away"),
    [
        ("/v1/batch", [], True),
        ("/v1/track", [(b"x-write-key", b"k")], True),
        ("/v1/batch", [(b"origin", b"http://localhost:3000")], False),
        ("/v1/rolls", [], False),
    ],
)
async def test_only_batches_that_no_page_sends_are_turned_away_at_the_edge(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, path: str, headers: list[tuple[bytes, bytes]], *, away: bool
) -> None:
    async with World.running(settings) as world:
        assert world.room.asgi.turned_away(path, headers) is None, "nothing is limited"

    monkeypatch.setattr(gradient, "MOST", 0.0)
    async with World.running(settings) as world:
        monkeypatch.setattr(gradient, "MOST", 1.0)
        assert (world.room.asgi.turned_away(path, headers) == SHED_AT_THE_EDGE) == away
