"""A replay may die anywhere, and then goes on, or is taken back."""

import asyncio

import pytest

from schemas import projections
from schemas.projections import Processor
from tests.processors.frail import Life
from tests.processors.replays import BOTH, Bench, Worker, a_community, dump, lose_a_third, newcomers
from tests.processors.worlds import Crash


@pytest.mark.parametrize("name", BOTH)
async def test_who_is_killed_anywhere_ends_right_when_started_again(bench: Bench, name: Processor) -> None:
    a_community(bench.log, size=40, count=120)
    await bench.fill(name)
    before, redis, whole = await dump(bench, name), bench.redis(), Life()
    worker = await Worker(name, bench.live, bench.log).open()
    for records in (50, 120):
        bench.log.left = records
        with pytest.raises(Crash):
            await bench.replay(name)
    bench.log.left = 10**9
    await bench.replay(name, whole.connect, swap=True)
    await lose_a_third(redis, name)

    for tenth in (3, 5, 8):
        with pytest.raises(Crash):
            await bench.replay(name, Life(whole.spent * tenth // 10).connect, swap=True)
    await bench.replay(name, swap=True)

    assert await dump(bench, name) == before
    bench.log.append(*newcomers())
    await asyncio.wait_for(worker.catch_up(), 60)  # no fence is left
    assert await bench.replay(name, compare=True) == 0
    await worker.store.close()
    await redis.aclose()


async def test_who_gives_up_takes_the_fence_away_and_harms_nothing(bench: Bench) -> None:
    a_community(bench.log, size=40, count=100)
    await bench.fill("feeds")
    before = await dump(bench, "feeds")
    whole, guard = Life(), projections.watermark(9, "feeds")
    await bench.replay("feeds", whole.connect, swap=True)
    with pytest.raises(Crash):
        await bench.replay("feeds", Life(whole.spent - 5).connect, swap=True)
    redis = bench.redis()
    assert await redis.hget(guard, projections.FENCE) == "2"

    await bench.replay("feeds")

    bench.log.append(*newcomers())
    worker = await Worker("feeds", bench.live, bench.log).open()
    await asyncio.wait_for(worker.catch_up(), 30)
    assert (await dump(bench, "feeds")).items() >= before.items()
    await worker.store.close()
    await redis.aclose()


async def test_a_half_done_replay_goes_on_where_it_was(bench: Bench) -> None:
    a_community(bench.log, size=40, count=60)
    await bench.fill("views")
    await bench.replay("views")
    read = bench.log.read

    await bench.replay("views")

    assert bench.log.read == read
