"""A replay while everything runs: nothing is lost or doubled, and what may not be at once is refused."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from processors.replay import Pace, Replay
from processors.stores import moving, shadow
from processors.stores.projections import Projections
from processors.stores.shadow import Moving, NotAShadow, Positions
from processors.stores.shadow_swap import Swap
from schemas import facts, projections
from schemas.facts import Fact
from schemas.projections import Processor
from tests import builders as a
from tests.processors.replays import BOTH, ROWS, Bench, Worker, a_community, dump, emptied, lose_a_third, newcomers
from tests.valkey import Valkey


@pytest.mark.parametrize("name", BOTH)
async def test_workers_that_work_meanwhile_lose_and_double_nothing(bench: Bench, name: Processor) -> None:
    early = a_community(bench.log, size=40, count=120)
    await bench.fill(name)
    redis = bench.redis()
    await lose_a_third(redis, name)
    worker = await Worker(name, bench.live, bench.log).open()
    over = asyncio.Event()
    working = asyncio.create_task(_live_on(bench, worker, early, over))

    await bench.replay(name, compare=True)
    await bench.replay(name, swap=True)
    over.set()
    await working

    live = await dump(bench, name)
    await emptied(bench, everything=True)
    await bench.fill(name)
    assert live == await dump(bench, name)
    await worker.store.close()
    await redis.aclose()


async def _live_on(bench: Bench, worker: Worker, early: list[Fact], over: asyncio.Event) -> None:
    """More follows, photos and deletions come, as long as it lasts."""
    people = [fact.by for fact in early if isinstance(fact, facts.UserRegistered)]
    turn = 0
    while not over.is_set() or turn < 20:
        turn += 1
        await asyncio.sleep(0.01 * turn)  # on a slow machine it lasts long, and must not grow with that
        one, other = people[turn % len(people)], people[turn * 7 % len(people)]
        photo = a.a_photo(one, 100_000 + turn)
        if one != other:
            bench.log.append(a.user_followed(other, one, at=a.NOON), a.user_followed(one, other, at=a.NOON))
        bench.log.append(a.photo_developed(one, photo))
        if turn % 3 == 0:
            bench.log.append(a.photo_deleted(one, photo))
        await worker.catch_up(7)


async def test_what_a_worker_does_just_before_the_fence_is_not_lost(bench: Bench) -> None:
    a_community(bench.log, size=40, count=40)
    await bench.fill("feeds")
    await bench.replay("feeds")
    worker, store = (
        await Worker("feeds", bench.live, bench.log).open(),
        Projections("feeds", bench.shadow, lambda: a.NOON),
    )
    await store.open()
    live, beside = await shadow.live(bench.live, "feeds"), await shadow.shadow(bench.shadow, "feeds", bench.code)
    work, seen = Replay(ROWS["feeds"], bench.log, store, Pace(lambda _: None)), list[Mapping[str, Any]]()
    work.ends()

    async def catch_up(ends: Positions) -> None:
        await work.to(ends)
        if not seen:
            bench.log.append(*newcomers())
            await worker.catch_up()
            seen.append(await dump(bench, "feeds"))

    await Swap("feeds", live, beside, catch_up, lambda _: None).swap()

    assert await dump(bench, "feeds") == seen[0]
    for each in (live, beside, store, worker.store):
        await each.close()


async def test_a_worker_that_meets_the_fence_waits_until_it_is_gone(bench: Bench) -> None:
    bench.log.append(*newcomers())
    worker = await Worker("feeds", bench.live, bench.log).open()
    side = await shadow.live(bench.live, "feeds")
    async with side.fenced("feeds", range(64)):
        working = asyncio.create_task(worker.catch_up())
        await asyncio.wait_for(worker.refused.wait(), 60)
        assert not working.done()
    await asyncio.wait_for(working, 60)

    assert await worker.store.members([projections.followers_in(a.a_user("ana", 7), 9)]) == [{a.a_user("ben", 9)}]
    await worker.store.close()
    await side.close()


async def test_a_bucket_that_moves_is_left_alone(bench: Bench, aside: Valkey) -> None:
    a_community(bench.log, size=40, count=40)
    await bench.fill("views")
    redis, guard = bench.redis(), projections.watermark(5, "views")
    await redis.hset(guard, projections.FENCE, 1)

    with pytest.raises(Moving, match="bucket 5"):
        await bench.replay("views", swap=True)

    assert await redis.hget(guard, projections.FENCE) == "1"
    await redis.aclose()


async def test_a_bucket_that_is_being_swapped_does_not_move(bench: Bench, aside: Valkey) -> None:
    side = await shadow.live(bench.live, "views")
    async with side.fenced("views", [5]):
        with pytest.raises(moving.Busy, match="bucket 5"):
            await moving.move(bench.live, 5, aside.url, lambda _: None, grace_s=0)
    await side.close()


async def test_a_shadow_that_holds_something_else_is_refused(bench: Bench) -> None:
    a_community(bench.log, size=40, count=40)
    await bench.fill("views")
    await bench.replay("views")

    with pytest.raises(NotAShadow, match="empty it"):
        await bench.replay("feeds")
    with pytest.raises(NotAShadow, match="empty it"):
        await Bench(bench.live, bench.live, bench.log).replay("views")
    bench.code = "what was deployed meanwhile"
    with pytest.raises(NotAShadow, match="empty it"):
        await bench.replay("views")


async def test_two_replays_of_one_view_do_not_run_at_once(bench: Bench) -> None:
    first = await shadow.live(bench.live, "views")
    with pytest.raises(shadow.Another, match="views"):
        await bench.replay("views")
    await first.close()

    await bench.replay("views")
