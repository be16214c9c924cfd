"""One connection for all requests, on a real Valkey, and on servers that are silent, gone or strangers."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import hiredis
import pytest
import uvloop

from api.wire import SEAM, Away, Slow, Wire
from tests.valkey import Valkey, running_valkey

PATIENT_S = 30.0


@pytest.fixture
async def wire(server: Valkey) -> AsyncIterator[Wire]:
    wire = Wire(server.url, PATIENT_S)
    yield wire
    wire.close()


@asynccontextmanager
async def a_silent_server(
    says: Callable[[bytes], bytes] | None = None,
) -> AsyncIterator[tuple[str, list[asyncio.StreamWriter]]]:
    """Takes connections, says hello, and no more; or what is said to such questions."""
    met = list[asyncio.StreamWriter]()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(writer)
        await reader.readuntil(b"SELECT\r\n$1\r\n0\r\n")
        writer.write(b"+OK\r\n+OK\r\n")
        while says and (asked := await reader.read(1 << 16)):
            writer.write(says(asked))

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", met
    finally:
        server.close()
        for writer in met:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def test_questions_asked_together_get_their_own_answers(wire: Wire) -> None:
    asked = [wire.ask([("SET", f"k{n}", "ä" * n), ("GET", f"k{n}"), ("GET", "none")]) for n in range(200)]

    assert await asyncio.gather(*asked) == [["OK", "ä" * n, None] for n in range(200)]


async def test_a_hash_is_a_dict_and_a_large_answer_comes_whole(wire: Wire) -> None:
    await wire.ask([("HSET", "h", "a", 1, "b", "x" * 1_000_000)])

    assert await wire.ask([("HGETALL", "h"), ("HGETALL", "none")]) == [{"a": "1", "b": "x" * 1_000_000}, {}]


def test_the_loop_that_serves_is_uvloop_and_works_as_well(server: Valkey) -> None:
    async def once() -> list[object]:
        wire = Wire(server.url, PATIENT_S)
        answers = await wire.ask([("PING",)])
        wire.close()
        return answers

    assert uvloop.run(once()) == ["PONG"]


async def test_who_stops_waiting_takes_nobodys_answer(wire: Wire) -> None:
    before = await wire.ask([("SET", "k", "v"), ("CLIENT", "ID")])
    impatient = asyncio.create_task(wire.ask([("BLPOP", "nothing", 1)]))
    patient = asyncio.create_task(wire.ask([("GET", "k"), ("CLIENT", "ID")]))
    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient == ["v", before[1]], "over the same connection: it is as good as before"


async def test_a_connection_that_was_cut_is_made_again(wire: Wire) -> None:
    (mine,) = await wire.ask([("CLIENT", "ID")])
    other = Wire(wire._url.geturl(), PATIENT_S)
    await other.ask([("CLIENT", "KILL", "ID", mine)])
    other.close()

    (now,) = await wire.ask([("CLIENT", "ID")])
    assert now != mine


async def test_an_error_of_the_server_is_a_fault_of_ours(wire: Wire) -> None:
    with pytest.raises(hiredis.ReplyError, match="WRONGTYPE"):
        await wire.ask([("SET", "text", "v"), ("SMEMBERS", "text"), ("GET", "text")])

    assert await wire.ask([("GET", "text")]) == ["v"], "and nobody else's"


async def test_the_database_is_the_one_that_is_meant(server: Valkey, wire: Wire) -> None:
    other = Wire(server.url.replace("/0", "/1"), PATIENT_S)
    await other.ask([("SET", "only here", "1")])

    assert await wire.ask([("GET", "only here")]) == [None]
    other.close()


async def test_a_password_is_said(server: Valkey, wire: Wire) -> None:
    await wire.ask([("ACL", "SETUSER", "reader", "on", ">p@ss", "~*", "+@all")])
    known, unknown = (Wire(server.url.replace("//", f"//reader:{word}@"), PATIENT_S) for word in ("p%40ss", "wrong"))

    assert await known.ask([("ACL", "WHOAMI")]) == ["reader"]
    with pytest.raises(hiredis.ReplyError, match="WRONGPASS"):
        await unknown.ask([("PING",)])
    known.close()


async def test_a_silent_server_is_slow_and_asked_over_a_new_connection_next() -> None:
    async with a_silent_server() as (url, met):
        wire = Wire(url, 0.2)
        for turn in (1, 2):
            with pytest.raises(Slow):
                await wire.ask([("PING",)])
            assert len(met) == turn
        wire.close()


async def test_a_text_that_looks_like_an_end_ends_nothing(wire: Wire) -> None:
    looks = [f"$28\r\n{'0' * 28}\r\n", SEAM.decode(), "\r\n-ERR no\r\n", "-1"]

    for text in looks:
        assert await wire.ask([("SET", "k", text), ("GET", "k"), ("PING",)]) == ["OK", text, "PONG"]


def busy(asked: bytes) -> bytes:
    """The first question is refused with its end; the others are answered."""
    _, *ends = re.findall(rb"\$28\r\n\w{28}\r\n", asked)
    return b"-BUSY a script\r\n" * 2 + b"".join(b":7\r\n" + end for end in ends)


async def test_who_is_refused_even_the_end_takes_nobodys_answer() -> None:
    async with a_silent_server(busy) as (url, _):
        wire = Wire(url, 0.3)
        for each in [asyncio.create_task(wire.ask([("GET", str(n))])) for n in range(3)]:
            with pytest.raises((Away, Slow)):
                await each
        wire.close()


async def test_nobody_there_is_away(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as server:
        url = server.url
    wire = Wire(url, PATIENT_S)

    with pytest.raises(Away):
        await wire.ask([("PING",)])
