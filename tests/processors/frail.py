"""Connections that die: after so many round trips whoever holds one is gone."""

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from tests.processors.worlds import Crash


@dataclass
class Life:
    """So many round trips; then everything it holds is dead."""

    left: int = 10**9
    spent: int = 0

    def spend(self) -> None:
        self.spent += 1
        if self.spent > self.left:
            raise Crash

    def connect(self, url: str) -> Any:
        return Frail(self, url)


class Frail(Redis):
    """Counts what goes to the server."""

    def __init__(self, life: Life, url: str) -> None:
        super().__init__(connection_pool=Redis.from_url(url).connection_pool)
        self.auto_close_connection_pool = True
        self.life = life

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        self.life.spend()
        return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return FrailPipeline(self)


class FrailPipeline(Pipeline):
    def __init__(self, frail: Frail) -> None:
        super().__init__(frail.connection_pool, frail.response_callbacks, False, None)
        self._life = frail.life

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        self._life.spend()
        return await super().execute(raise_on_error)
