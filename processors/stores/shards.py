"""Door to Redis: the servers of the table of buckets, and every command on its way to the server of its bucket.

A server is taken for the right one until it is another: each new connection asks who is there, so nothing is ever
written onto one that restarted, perhaps from an older file, before `open` and a look at what it remembers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import ResponseError

from processors.stores.calls import Call
from schemas import shards
from schemas.projections import MOVED, Key, bucket_of_key
from schemas.shards import Table

__all__ = ["Command", "Lost", "RedisAway", "ResponseError", "Server", "Shards"]

TIMEOUT_S = 5.0  # a call takes milliseconds; slower is as good as away, and the loop tries again
UNOPENED = "projections are used before they are opened; expected open() first"
Command = tuple[str | int, ...]  # its name, its key, the rest
T = TypeVar("T")
A = TypeVar("A")


class Lost(RedisAway):
    """The server, or its data, is not what `open` found: the loop opens again and asks for `progress`."""


class Server:
    """One Redis. All methods raise whatever redis-py raises, and `Lost`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client: Redis | None = None
        self._run_id: str | None = None

    async def open(self) -> None:
        """Connect, and take the server that answers for the right one until it is another."""
        await self.close()
        self._run_id = None
        # No silent reconnection to a server that restarted: every new connection asks who is there.
        self._client = Redis.from_pool(
            BlockingConnectionPool.from_url(
                self.url,
                max_connections=4,
                decode_responses=True,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
                redis_connect_func=self._greet,
            )
        )
        await self._client.ping()

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in one round trip."""
        pipe = self._redis.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        return await pipe.execute()

    async def load(self, library: str) -> None:
        """The server knows these functions, once they are loaded."""
        await self._redis.function_load(library, replace=True)

    async def send(self, packed: bytes, wanted: int) -> list[Any]:
        """So many answers, errors among them. Past redis-py's pipeline, which would pack every word anew."""
        pool: Any = self._redis.connection_pool
        connection = await pool.get_connection()
        try:
            await connection.send_packed_command([packed])
            return [await _answer(connection) for _ in range(wanted)]
        except BaseException:  # what is still on its way would be taken for the next one's answer
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)

    @property
    def _redis(self) -> Redis:
        if self._client is None:
            raise RuntimeError(UNOPENED)
        return self._client

    async def _greet(self, connection: Connection) -> None:
        """Runs on every new connection, before anything is sent on it."""
        await connection.on_connect()
        await connection.send_command("INFO", "server")
        run_id = _run_id(str(await connection.read_response()))
        if self._run_id not in (None, run_id):
            raise Lost(f"the server's run_id is {run_id}; expected {self._run_id}: it restarted, or is another one")
        self._run_id = run_id


class Shards:
    """All servers, in the order of the table."""

    def __init__(self, text: str) -> None:
        self._begun = self._routes = shards.routes(text)
        self._met: dict[str, Server] = {}
        self.servers: tuple[Server, ...] = ()

    @property
    def table(self) -> Table:
        """Which server holds a bucket, as of when they were opened."""
        return self._routes.table

    async def open(self) -> None:
        """Connect to each, and to those that they gave buckets to."""
        await self.close()
        self._routes = self._begun
        while unheard := self._routes.unheard:
            moves = await gathered(self._meet(url) for url in unheard)
            self._routes = self._routes.after(dict(zip(unheard, moves, strict=True)))
        self.servers = tuple(self._met[url] for url in self.table.servers)

    async def _meet(self, url: str) -> dict[str, str]:
        """What it says of the buckets it gave away."""
        server = self._met[url] = Server(url)
        await server.open()
        (moved,) = await server.ask([("HGETALL", MOVED)])
        return dict(moved)

    async def close(self) -> None:
        """Let go of each."""
        for server in self._met.values():
            await server.close()
        self._met, self.servers = {}, ()

    async def load(self, library: str) -> None:
        """Every server knows these functions."""
        await self.everywhere(lambda server: server.load(library))

    async def everywhere(self, question: Callable[[Server], Awaitable[A]]) -> list[A]:
        """What each server answers."""
        if not self.servers:
            raise RuntimeError(UNOPENED)
        return await gathered(question(server) for server in self.servers)

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answers; each command goes to the server of its key's bucket, in one round trip to each of them.

        `Lost` when one of them gave a bucket away meanwhile: what it answered may be what it no longer keeps.
        """
        return await self._spread(commands, lambda command: Key(str(command[1])), self.heard)

    async def ask_everywhere(self, *commands: Command) -> list[list[Any]]:
        """What each server answers to these; `Lost` as in `ask`."""
        return await self.everywhere(lambda server: self.heard(server, commands))

    async def heard(self, server: Server, commands: Sequence[Command]) -> list[Any]:
        """What this one answers; `Lost` as in `ask`: how it stood before a bucket moved is no longer of use."""
        *answers, moves = await server.ask([*commands, ("HGETALL", MOVED)])
        if not self._routes.knows({server.url: moves}):
            raise Lost("a bucket has moved to another server")
        return answers

    async def send(self, steps: Sequence[Call], version: str) -> list[Any]:
        """What the functions of that version answer, errors among it; to one server in the order of the steps."""

        async def to(server: Server, some: Sequence[Call]) -> list[Any]:
            answers = await server.send(b"".join([step.wire(version) for step in some]), len(some))
            if any(isinstance(answer, ResponseError) and "GONE" in str(answer) for answer in answers):
                raise Lost("a bucket moves, or has moved, to another server")
            return answers

        return await self._spread(steps, lambda step: Key(step.keys[0]), to)

    async def _spread(
        self, all_of: Sequence[T], key: Callable[[T], Key], ask: Callable[[Server, Sequence[T]], Awaitable[list[Any]]]
    ) -> list[Any]:
        if not all_of:
            return []
        if not self.servers:
            raise RuntimeError(UNOPENED)
        if len(self.servers) == 1:
            return await ask(self.servers[0], all_of)
        places: dict[int, list[int]] = {}
        homes = self.table.homes
        for place, one in enumerate(all_of):
            places.setdefault(homes[bucket_of_key(key(one))], []).append(place)
        found = await gathered(ask(self.servers[n], [all_of[place] for place in mine]) for n, mine in places.items())
        answers: list[Any] = [None] * len(all_of)
        for mine, some in zip(places.values(), found, strict=True):
            for place, answer in zip(mine, some, strict=True):
                answers[place] = answer
        return answers


async def gathered(tasks: Iterable[Awaitable[A]]) -> list[A]:
    """Their results once all have ended: none is left behind at work when another raises."""
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    results = list[A]()
    for each in ended:
        if isinstance(each, BaseException):
            raise each
        results.append(each)
    return results


async def _answer(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def _run_id(info: str) -> str:
    return next(line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("run_id:"))
