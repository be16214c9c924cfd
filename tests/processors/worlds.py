"""Workers that die or wait between any two calls, on a real server, and what the twin says they should have done."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any

from redis.asyncio import Redis

from processors.processor import Effects
from processors.stores.calls import Call
from processors.stores.projections import Projections
from schemas.ids import PhotoId, UserId
from schemas.projections import Key, Processor
from tests import builders as a
from tests.processors.answers import Answers
from tests.processors.histories import PEOPLE, History
from tests.spread import spread
from tests.twins.projections import ProjectionsTwin
from tests.valkey import Servers

ANA, BEN, CLEO, _ = PEOPLE
RICH: History = [
    *(a.user_registered(user, f"user {n}") for n, user in enumerate(PEOPLE)),
    a.photo_developed(ANA, a.a_photo(ANA, 1)),
    *(a.user_followed(user, ANA) for user in PEOPLE[1:]),
    a.photo_developed(ANA, a.a_photo(ANA, 2)),
    a.photo_developed(BEN, a.a_photo(BEN, 3)),
    a.photo_developed(ANA, a.a_photo(ANA, 4, a.TOMORROW)),
    a.user_unfollowed(CLEO, ANA),
    a.photo_deleted(ANA, a.a_photo(ANA, 1)),
    a.user_followed(CLEO, ANA),
]


class Crash(Exception):
    """The worker was killed."""


class Mortal(Projections):
    """A worker that is killed after so many calls; the last one was carried out, nobody heard the answer."""

    calls_left = 10**9

    async def _send(self, steps: Sequence[Call]) -> list[Any]:
        answers = []
        for step in steps:
            answers += await super()._send([step])
            self.calls_left -= 1
            if self.calls_left == 0:
                raise Crash
        return answers


class Stepped(Projections):
    """A worker that goes on only when it is told to: one call or one read at a time."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._may, self._waits = asyncio.Semaphore(0), asyncio.Event()

    async def _send(self, steps: Sequence[Call]) -> list[Any]:
        answers = []
        for step in steps:
            await self._turn()
            answers += await super()._send([step])
        return answers

    async def members(self, sets: Sequence[Key]) -> list[set[str]]:
        await self._turn()
        return await super().members(sets)

    async def entries(self, key: Key) -> list[str]:
        await self._turn()
        return await super().entries(key)

    async def _turn(self) -> None:
        self._waits.set()
        await self._may.acquire()

    async def steps(self, work: asyncio.Task[None], count: int = 1) -> None:
        """So many steps further, or to the end of its work."""
        for _ in range(count):
            self._waits.clear()
            self._may.release()
            waits = asyncio.create_task(self._waits.wait())
            await asyncio.wait({work, waits}, return_when=asyncio.FIRST_COMPLETED)
            waits.cancel()


class World:
    """An empty server, workers on it, and what it says."""

    def __init__(self, redis: Redis, url: str, stack: AsyncExitStack) -> None:
        self.redis, self.answers = redis, Answers(redis, lambda: a.NOON)
        self._url, self._stack = url, stack

    async def worker(
        self, processor: Processor = "feeds", kind: type[Projections] = Projections, at: datetime = a.NOON
    ) -> Any:
        store = kind(processor, self._url, lambda: at)
        self._stack.push_async_callback(store.close)  # first: an `open` that fails may have connected
        await store.open()
        return store

    async def feeds(self) -> dict[UserId, list[PhotoId]]:
        return {user: await self.answers.feed(user) for user in PEOPLE}


@asynccontextmanager
async def an_empty(server: Servers) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        redis = spread(server.url)
        stack.push_async_callback(redis.aclose)
        await redis.flushall()
        yield World(redis, server.url, stack)


async def expected(effects: Sequence[Effects]) -> ProjectionsTwin:
    twin = ProjectionsTwin(lambda: a.NOON)
    await twin.apply(effects)
    return twin


async def expected_feeds(effects: Sequence[Effects]) -> dict[UserId, list[PhotoId]]:
    twin = await expected(effects)
    return {user: await twin.feed(user) for user in PEOPLE}


async def crashes(world: World, processor: Processor, effects: Sequence[Effects], after: int) -> bool:
    """Whether it was still at work after so many calls."""
    mortal = await world.worker(processor, Mortal)
    mortal.calls_left = after
    try:
        await mortal.apply(effects)
    except Crash:
        return True
    return False


async def side_by_side(world: World, one: Sequence[Effects], other: Sequence[Effects], turns: list[bool]) -> None:
    """Both workers do their records; each turn says which of them makes the next step, again and again."""
    workers = [await world.worker(kind=Stepped), await world.worker(kind=Stepped)]
    work = [asyncio.create_task(worker.apply(each)) for worker, each in zip(workers, (one, other), strict=True)]
    order = deque(turns)
    while not all(task.done() for task in work):
        chosen = int(order[0])
        order.rotate(-1)
        chosen = chosen if not work[chosen].done() else 1 - chosen
        await workers[chosen].steps(work[chosen])
    await asyncio.gather(*work)


async def all_is_as_it_should_be(world: World, processor: Processor, effects: Sequence[Effects]) -> None:
    if processor == "views":
        assert await world.answers.views() == await (await expected(effects)).views()
    else:
        assert await world.feeds() == await expected_feeds(effects)
