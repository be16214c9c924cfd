"""One client for all servers of a table of buckets, so that a test writes and reads views without knowing of servers.

Keys without a bucket are written to every server and read from the first; what has no key is for every server.
"""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from schemas import shards
from schemas.projections import Key, bucket_of_key
from schemas.shards import Table

KEYLESS = {"FLUSHDB", "FLUSHALL", "KEYS", "FUNCTION FLUSH", "PING"}


def spread(text: str) -> "Redis":
    """Redis-py's own client where one server holds all."""
    table = shards.table(text)
    clients = [Redis.from_url(url, decode_responses=True) for url in table.servers]
    return clients[0] if len(clients) == 1 else Spread(table, clients)


def homes(table: Table, arguments: tuple[Any, ...]) -> list[int]:
    """The servers that a command goes to."""
    every = list(range(len(table.servers)))
    if str(arguments[0]) in KEYLESS or len(arguments) == 1:
        return every
    key = str(arguments[1])
    return [table.homes[bucket_of_key(Key(key))]] if key.startswith("{b") else every


class Spread(Redis):
    """All keys of one command have one server: the first key's."""

    def __init__(self, table: Table, clients: list[Any]) -> None:
        super().__init__(connection_pool=clients[0].connection_pool)
        self.table, self.clients = table, clients

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        found = [await self.clients[home].execute_command(*args, **options) for home in homes(self.table, args)]
        if args[0] == "DBSIZE":
            return sum(found)
        return [key for keys in found for key in keys] if args[0] == "KEYS" else found[0]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return SpreadPipeline(self)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        for client in self.clients:
            await client.aclose(close_connection_pool)


class SpreadPipeline(Pipeline):
    """Sends what was put into it command by command: tests have time."""

    def __init__(self, spread: Spread) -> None:
        super().__init__(spread.connection_pool, spread.response_callbacks, False, None)
        self._spread = spread

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        stack, self.command_stack = self.command_stack, []
        return [await self._spread.execute_command(*args, **options) for args, options in stack]
