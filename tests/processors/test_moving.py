"""A bucket goes to another server while workers work and readers read: nothing is lost, nothing is there twice."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from redis import Redis

from processors.intents import Count
from processors.processor import Effects
from processors.stores import moving
from processors.stores.projections import Lost, Projections
from schemas import projections, shards
from schemas.ids import bucket
from schemas.projections import Processor
from tests import builders as a
from tests.processors.answers import Answers
from tests.processors.histories import PEOPLE, History, logged
from tests.processors.worlds import World, an_empty, expected, expected_feeds
from tests.spread import spread
from tests.valkey import Fleet, Valkey, running_fleet, running_valkey

ANA, BEN, CLEO, DAN = PEOPLE
HOME = bucket(ANA)  # and Ben's
MINUTES = [projections.minute(a.NOON.replace(minute=minute)) for minute in range(60)]
LONG: History = [
    *(a.user_registered(user, f"user {n}") for n, user in enumerate(PEOPLE)),
    *(a.user_followed(user, author) for author in (ANA, BEN) for user in PEOPLE if user != author),
    *(a.photo_developed(author, a.a_photo(author, n)) for n in range(20) for author in (ANA, BEN, CLEO)),
    a.user_unfollowed(DAN, ANA),
    *(a.photo_developed(author, a.a_photo(author, n)) for n in range(20, 40) for author in (ANA, BEN, CLEO)),
    *(a.photo_deleted(ANA, a.a_photo(ANA, n)) for n in range(0, 40, 7)),
    a.user_followed(DAN, ANA),
]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A server that nobody knows yet."""
    with running_valkey(tmp_path_factory.mktemp("new")) as server:
        yield server


async def moved(fleet: Fleet, to: Valkey, number: int = HOME) -> str:
    """The table afterwards."""
    return (await moving.move(fleet.url, number, to.url, lambda _: None, grace_s=0.05)).text()


async def work(store: Projections, effects: Sequence[Effects], pause_s: float = 0.0) -> int:
    """As the loop does it: a batch that fails is done again, by a store that was opened again. Gives how often."""
    again, is_open = 0, True
    left = list(effects)
    while left:
        try:
            if not is_open:
                await store.open()
                is_open = True
            await store.progress()
            await store.apply(left[:1])
            left = left[1:]
            await asyncio.sleep(pause_s)
        except Lost:
            again, is_open = again + 1, False
            await asyncio.sleep(0.01)
    return again


def counted() -> list[Effects]:
    return [Effects(a.an_origin(n), (Count(MINUTES[n % 60], "facts", 1),)) for n in range(180)]


async def everything(table: str) -> dict[str, Any]:
    redis = spread(table)
    found = await Answers(redis, lambda: a.NOON).views()
    await redis.aclose()
    return found


async def _feeds(world: World, table: str) -> dict[Any, Any]:
    redis = spread(table)
    found = {user: await Answers(redis, lambda: a.NOON).feed(user) for user in PEOPLE}
    await redis.aclose()
    return found


@pytest.mark.parametrize("target", ["a server of the table", "a new server"])
async def test_a_bucket_moves_while_workers_work(fleet: Fleet, empty: Valkey, target: str) -> None:
    to = fleet.servers[0] if target == "a server of the table" else empty
    names: tuple[Processor, ...] = ("views", "feeds", "metrics")
    todo = {"views": logged(LONG, "views"), "feeds": logged(LONG, "feeds"), "metrics": counted()}
    async with an_empty(fleet) as world:
        workers = {name: await world.worker(name) for name in names}
        working = [asyncio.create_task(work(workers[name], todo[name][:-20], 0.001)) for name in names]
        await asyncio.sleep(0.05)

        table = await moved(fleet, to)
        early = await asyncio.gather(*working)
        late = await asyncio.gather(*(work(workers[name], todo[name][-20:]) for name in names))

        assert all(map(sum, zip(early, late, strict=True))), "each had to look for the bucket"
        assert await _feeds(world, table) == await expected_feeds(todo["feeds"])
        known = await _keys(todo["views"])
        views = {key: value for key, value in (await everything(table)).items() if key in known}
        assert views == await (await expected(todo["views"])).views()
        counts = spread(table)
        assert [await counts.hgetall(key) for key in MINUTES] == [{"facts": "3"}] * 60
        await counts.aclose()


async def _keys(effects: Sequence[Effects]) -> set[str]:
    return set(await (await expected(effects)).views())


async def test_a_worker_with_the_old_table_finds_the_bucket(fleet: Fleet, empty: Valkey) -> None:
    effects = logged(LONG, "feeds")
    async with an_empty(fleet) as world:
        await work(await world.worker(), effects[:40])
        table = await moved(fleet, empty)

        late = await world.worker()
        assert await late.progress() != {}
        await work(late, effects[40:])

        assert await _feeds(world, table) == await expected_feeds(effects)


async def test_a_worker_that_thaws_late_changes_nothing_where_the_bucket_was(fleet: Fleet, empty: Valkey) -> None:
    effects = logged(LONG, "views")
    async with an_empty(fleet) as world:
        frozen = await world.worker("views")
        await frozen.apply(effects[:30])
        table = await moved(fleet, empty)
        before = await everything(table)

        with pytest.raises(Lost, match="moved"):
            await frozen.apply(effects[:60])
        with pytest.raises(Lost, match="moved"):
            await frozen.progress()

        left = _left(fleet)
        assert await everything(table) | before == await everything(table), "nothing was taken back"
        assert left == {projections.watermark(HOME, name) for name in moving.PROCESSORS}


def _left(fleet: Fleet) -> set[str]:
    """Keys of the bucket where it was."""
    with Redis.from_url(fleet.servers[HOME % 3].url, decode_responses=True) as server:
        return {str(key) for key in server.scan_iter(match=f"{{b{HOME:02d}}}:*")}


async def test_a_bucket_comes_back(fleet: Fleet, empty: Valkey) -> None:
    effects = logged(LONG, "feeds")
    async with an_empty(fleet) as world:
        worker = await world.worker()
        await work(worker, effects[:40])
        await moved(fleet, empty)
        await work(worker, effects[40:80])

        table = await moved(fleet, fleet.servers[HOME % 3])
        await work(worker, effects[80:])

        assert shards.table(table) == shards.table(fleet.url)
        assert await _feeds(world, fleet.url) == await expected_feeds(effects)


async def test_who_moves_it_may_die_before_the_switch(fleet: Fleet, empty: Valkey) -> None:
    effects = logged(LONG, "feeds")
    async with an_empty(fleet) as world:
        worker = await world.worker()
        await work(worker, effects[:40])
        await _die_before_the_switch(fleet, empty)
        with pytest.raises(Lost, match="moves"):
            await worker.apply(effects[40:80])

        table = await moved(fleet, empty)
        await work(worker, effects[40:])

        assert await _feeds(world, table) == await expected_feeds(effects)


async def test_a_worker_that_looks_just_before_the_switch_does_not_forget_the_bucket(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects = logged(LONG, "feeds")
    async with an_empty(fleet) as world:
        worker = await world.worker()
        await work(worker, effects[:40])
        switch = moving.Bearer._switch

        async def looked_at(bearer: moving.Bearer) -> None:
            await worker.open()
            await switch(bearer)

        monkeypatch.setattr(moving.Bearer, "_switch", looked_at)
        table = await moved(fleet, fleet.servers[(HOME + 1) % 3])
        await work(worker, effects[40:])

        assert await _feeds(world, table) == await expected_feeds(effects)


async def test_a_move_that_was_begun_is_given_up(fleet: Fleet, empty: Valkey) -> None:
    effects = logged(LONG, "feeds")
    async with an_empty(fleet) as world:
        worker = await world.worker()
        await work(worker, effects[:40])
        await _die_before_the_switch(fleet, empty)

        await moved(fleet, fleet.servers[HOME % 3])
        await work(worker, effects[40:])

        assert await _feeds(world, fleet.url) == await expected_feeds(effects)


async def _die_before_the_switch(fleet: Fleet, to: Valkey) -> None:
    async with moving.client(fleet.servers[HOME % 3].url) as source, moving.client(to.url) as target:
        bearer = moving.Bearer(HOME, source, target, to.url)
        await bearer._fence()
        async for keys in bearer._keys(source):
            await moving.copied(keys[:3], source, target)


async def test_what_expires_expires_there_too(fleet: Fleet, empty: Valkey) -> None:
    key = next(k for k in (projections.session(f"{n:064x}") for n in range(9999)) if k.startswith(f"{{b{HOME:02d}}}"))
    async with an_empty(fleet) as world:
        await world.redis.set(key, ANA, pxat=4_000_000_000_000)

        table = await moved(fleet, empty)

        there = spread(table)
        assert await there.pexpiretime(key) == 4_000_000_000_000
        await there.aclose()
