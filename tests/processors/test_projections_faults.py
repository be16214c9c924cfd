"""What crashes, late workers and lost data do to projections: nothing. On a real Valkey, against the twin as oracle."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAway

from processors.processor import Effects
from processors.stores.calls import Call
from processors.stores.projections import Lost, Projections
from schemas import projections
from schemas.facts import PhotoDeleted
from schemas.ids import PhotoId, UserId
from schemas.projections import Key, Processor
from tests import builders as a
from tests.processors.answers import Answers
from tests.processors.histories import PEOPLE, History, histories, interleaved, logged, runs
from tests.twins.projections import ProjectionsTwin
from tests.valkey import Valkey, running_valkey

ANA, BEN, CLEO, _ = PEOPLE
EXAMPLES = settings(max_examples=40, deadline=None)  # 40 of each law take seconds; the nightly profile raises it


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with running_valkey(Path(tmp_path_factory.mktemp("valkey"))) as server:
        yield server


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

    async def step(self, work: asyncio.Task[None]) -> None:
        """One step further, or to the end of its work."""
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

    async def worker(self, processor: Processor = "feeds", kind: type[Projections] = Projections) -> Any:
        store = kind(processor, self._url, lambda: a.NOON)
        await store.open()
        self._stack.push_async_callback(store.close)
        return store

    async def feeds(self) -> dict[UserId, list[PhotoId]]:
        return {user: await self.answers.feed(user) for user in PEOPLE}


@asynccontextmanager
async def an_empty(server: Valkey) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        redis = Redis.from_url(server.url, decode_responses=True)
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


# --- order ------------------------------------------------------------------------------------------------------------


@EXAMPLES
@given(st.data(), histories)
async def test_feeds_are_the_same_in_whatever_order_partitions_come(
    server: Valkey, data: st.DataObject, history: History
) -> None:
    effects = logged(history, "feeds")
    async with an_empty(server) as world:
        worker = await world.worker()

        await worker.apply(data.draw(interleaved(effects)))

        assert await world.feeds() == await expected_feeds(effects)


@EXAMPLES
@given(st.data(), histories)
async def test_views_are_the_same_in_whatever_order_partitions_come(
    server: Valkey, data: st.DataObject, history: History
) -> None:
    effects = logged(history, "views")
    async with an_empty(server) as world:
        worker = await world.worker("views")

        await worker.apply(data.draw(interleaved(effects)))

        assert await world.answers.views() == await (await expected(effects)).views()


# --- twice, and late --------------------------------------------------------------------------------------------------


@EXAMPLES
@given(st.data(), histories, st.sampled_from(["feeds", "views"]))
async def test_a_worker_thawed_after_its_successor_changes_nothing(
    server: Valkey, data: st.DataObject, history: History, processor: Processor
) -> None:
    effects = logged(history, processor)
    late = data.draw(runs(effects))
    async with an_empty(server) as world:
        worker = await world.worker(processor)
        await worker.apply(effects)
        before = await world.answers.everything()

        await (await world.worker(processor)).apply(late)

        assert await world.answers.everything() == before


# --- crashes ----------------------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("processor", ["feeds", "views"])
async def test_a_crash_after_any_call_is_mended_by_doing_the_batch_again(server: Valkey, processor: Processor) -> None:
    effects = logged(RICH, processor)
    twin = await expected(effects)
    async with an_empty(server) as world:
        crashed, after = True, 0
        while crashed:
            after += 1
            await world.redis.flushall()
            crashed = await _crash(world, processor, effects, after)
            await (await world.worker(processor)).apply(effects)

            if processor == "views":
                assert await world.answers.views() == await twin.views(), f"after {after} calls"
            else:
                assert await world.feeds() == await expected_feeds(effects), f"after {after} calls"
    assert after > 10


async def _crash(world: World, processor: Processor, effects: Sequence[Effects], after: int) -> bool:
    """Whether it was still at work after so many calls."""
    mortal = await world.worker(processor, Mortal)
    mortal.calls_left = after
    try:
        await mortal.apply(effects)
    except Crash:
        return True
    return False


@EXAMPLES
@given(histories, st.lists(st.integers(1, 30), max_size=4))
async def test_crash_after_crash_nothing_is_missing_and_nothing_too_much(
    server: Valkey, history: History, crashes: list[int]
) -> None:
    effects = logged(history, "feeds")
    async with an_empty(server) as world:
        for after in crashes:
            await _crash(world, "feeds", effects, after)
        await (await world.worker()).apply(effects)

        assert await world.feeds() == await expected_feeds(effects)


# --- two workers at once ----------------------------------------------------------------------------------------------


@EXAMPLES
@given(histories, st.lists(st.booleans(), min_size=10, max_size=200))
async def test_workers_of_two_partitions_may_meet_at_any_step(
    server: Valkey, history: History, turns: list[bool]
) -> None:
    effects = logged(history, "feeds")
    mine, theirs = [[e for e in effects if (e.origin.partition == 0) is side] for side in (True, False)]
    async with an_empty(server) as world:
        await _side_by_side(world, mine, theirs, turns)

        await _nothing_is_missing(world, history, effects)


@EXAMPLES
@given(st.data(), histories, st.lists(st.booleans(), min_size=10, max_size=200))
async def test_a_worker_may_thaw_in_the_middle_of_a_record(
    server: Valkey, data: st.DataObject, history: History, turns: list[bool]
) -> None:
    effects = logged(history, "feeds")
    taken = data.draw(st.integers(0, len(effects)))
    late, again = effects[taken:], effects[data.draw(st.integers(0, taken)) :]
    async with an_empty(server) as world:
        await (await world.worker()).apply(effects[:taken])
        await _side_by_side(world, late, again, turns)

        await _nothing_is_missing(world, history, effects)


async def _side_by_side(world: World, one: Sequence[Effects], other: Sequence[Effects], turns: list[bool]) -> None:
    """Both workers do their records; each turn says which of them makes the next step, again and again."""
    workers = [await world.worker(kind=Stepped), await world.worker(kind=Stepped)]
    work = [asyncio.create_task(worker.apply(each)) for worker, each in zip(workers, (one, other), strict=True)]
    order = deque(turns)
    while not all(task.done() for task in work):
        chosen = int(order[0])
        order.rotate(-1)
        chosen = chosen if not work[chosen].done() else 1 - chosen
        await workers[chosen].step(work[chosen])
    await asyncio.gather(*work)


async def _nothing_is_missing(world: World, history: History, effects: Sequence[Effects]) -> None:
    """What is too much was taken back by its author, which its card says to every reader."""
    found, wanted = await world.feeds(), await expected_feeds(effects)
    gone = {fact.photo for fact in history if isinstance(fact, PhotoDeleted)}
    missing = {user: set(wanted[user]) - set(found[user]) for user in PEOPLE}
    extra = {user: set(found[user]) - set(wanted[user]) - gone for user in PEOPLE}
    assert (missing, extra) == ({user: set() for user in PEOPLE}, {user: set() for user in PEOPLE})


# --- lost data --------------------------------------------------------------------------------------------------------


async def test_a_server_that_restarted_is_noticed_before_anything_is_written(tmp_path: Path) -> None:
    effects = logged(RICH, "views")
    with running_valkey(tmp_path) as server:
        async with an_empty(server) as world:
            worker = await world.worker("views")
            await worker.apply(effects[:5])

            server.kill()
            with pytest.raises(RedisAway):
                await worker.apply(effects[5:])
            server.start()
            with pytest.raises(Lost):
                await worker.apply(effects[5:])

            await worker.open()
            assert await worker.progress() == {}
            await world.redis.connection_pool.disconnect()
            assert await world.answers.everything() == {}


async def test_a_server_that_was_emptied_is_noticed_before_anything_is_written(server: Valkey) -> None:
    effects = logged(RICH, "feeds")
    async with an_empty(server) as world:
        worker = await world.worker()
        await worker.apply(effects[:5])
        await world.redis.flushall()

        with pytest.raises(Lost, match="progress of feeds on facts"):
            await worker.apply(effects[5:])

        assert await world.answers.everything() == {}
        await worker.open()
        await worker.apply(effects)
        assert await world.feeds() == await expected_feeds(effects)


async def test_a_server_that_forgot_the_functions_learns_them_again(server: Valkey) -> None:
    effects = logged(RICH, "feeds")
    async with an_empty(server) as world:
        worker = await world.worker()
        await world.redis.function_flush()

        await worker.apply(effects)

        assert await world.feeds() == await expected_feeds(effects)


# --- caught up --------------------------------------------------------------------------------------------------------


async def test_the_last_of_views_and_feeds_starts_the_epoch(server: Valkey) -> None:
    async with an_empty(server) as world:
        views, feeds = await world.worker("views"), await world.worker("feeds")

        await feeds.caught_up()
        assert await world.redis.get(projections.EPOCH) is None
        await views.caught_up()
        epoch = await world.redis.get(projections.EPOCH)
        await feeds.caught_up()

        assert epoch is not None
        assert await world.redis.get(projections.EPOCH) == epoch
