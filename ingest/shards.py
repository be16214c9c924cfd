"""Door to Redis: the servers of the table of buckets. Redis being away is `unavailable`, never a fault of ours."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ClusterError, ConnectionError, ReadOnlyError, TimeoutError

from schemas import shards
from schemas.problems import refusal
from schemas.projections import MOVED, Key, bucket_of_key
from schemas.shards import Routes, Table

AWAY = (ConnectionError, TimeoutError, ReadOnlyError, ClusterError, OSError)
ANSWER_S = 1.0  # a view that does not answer within this is away
CONNECTIONS = 64  # a command holds one for a round trip; more in flight than this wait their turn
RETRY_AFTER_S = 2
Command = tuple[str, ...]  # its name, its key, the rest


@contextmanager
def asking_redis() -> Iterator[None]:
    """Turns "it is away" into the problem the client hears; an error of ours (a wrong type, say) stays an error."""
    try:
        yield
    except AWAY as error:
        raise refusal("unavailable", "the views are away", retry_after_s=RETRY_AFTER_S) from error


async def answer(question: Awaitable[Any]) -> Any:
    """The client's answer (text: the client decodes); redis-py's own types allow for bytes as well."""
    with asking_redis():
        return await question


class Shards:
    """Clients that connect when first used; their methods raise `Refusal(unavailable)` while Redis is away."""

    def __init__(self, text: str) -> None:
        self._met: dict[str, Redis] = {}
        self._take(shards.routes(text))

    @property
    def table(self) -> Table:
        """Which server holds a bucket now."""
        return self._routes.table

    def at(self, bucket: int) -> Redis:
        """The client of the bucket's server."""
        return self.clients[self.table.homes[bucket]]

    def of(self, key: Key) -> Redis:
        """The client of the key's server."""
        return self.at(bucket_of_key(key))

    async def ask(self, *commands: Command) -> list[Any]:
        """The answers; each command goes to the server of its key, in one round trip to each of them."""
        mine: dict[int, list[int]] = {}
        for place, command in enumerate(commands):
            mine.setdefault(self.table.homes[bucket_of_key(Key(command[1]))], []).append(place)
        asked = [_ask(self.clients[n], [commands[place] for place in places]) for n, places in mine.items()]
        answers: list[Any] = [None] * len(commands)
        for places, found in zip(mine.values(), await _together(asked), strict=True):
            for place, each in zip(places, found, strict=True):
                answers[place] = each
        return answers

    async def everywhere(self, *command: str) -> list[Any]:
        """What each server answers: for keys without a bucket, which stand on all of them."""
        return [found for (found,) in await _together([_ask(client, [command]) for client in self.clients])]

    async def follow(self) -> None:
        """Buckets that have moved to another server are looked for there from now on."""
        while True:
            routes = self._routes  # another command may hear of a move while this one waits
            found = await _together([_ask(self._met[url], [("HGETALL", MOVED)]) for url in routes.servers])
            moves = {url: moved for url, (moved,) in zip(routes.servers, found, strict=True)}
            if routes.knows(moves):
                return
            self._take(self._routes.after(moves))

    def _take(self, routes: Routes) -> None:
        for url in routes.servers:
            if url not in self._met:
                self._met[url] = _client(url)
        self._routes = routes
        self.clients = tuple(self._met[url] for url in routes.table.servers)

    async def close(self) -> None:
        """Give the connections back."""
        for client in self._met.values():
            await client.aclose()


def _client(url: str) -> Redis:
    """One immediate second try covers a connection that went stale."""
    pool = BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS, timeout=ANSWER_S, decode_responses=True, socket_timeout=ANSWER_S,
        socket_connect_timeout=ANSWER_S, retry=Retry(NoBackoff(), 1), health_check_interval=30,
    )  # fmt: skip
    return Redis.from_pool(pool)


async def _ask(client: Any, commands: list[Command]) -> list[Any]:
    """One pipeline; not a transaction, since the keys lie in different slots."""
    if len(commands) == 1:
        return [await client.execute_command(*commands[0])]
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return list(await pipe.execute())


async def _together(questions: Sequence[Awaitable[list[Any]]]) -> list[list[Any]]:
    """Their answers, once each has one: a question may not be left behind when another raises."""
    with asking_redis():
        if len(questions) == 1:
            return [await questions[0]]
        ended = await asyncio.gather(*questions, return_exceptions=True)
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        return [found for found in ended if not isinstance(found, BaseException)]
