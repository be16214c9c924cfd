"""Servers that share the buckets: one of them is lost alone, or the table gives it what it was not filled with."""

from collections.abc import Iterator

import pytest
from redis import Redis

from processors.intents import Count
from processors.processor import Effects
from processors.stores.progress import Misplaced, least
from processors.stores.projections import Ahead, Lost
from schemas import projections, shards
from schemas.projections import Key, Processor
from tests import builders as a
from tests.processors.histories import PEOPLE, History, logged
from tests.processors.worlds import World, an_empty, expected, expected_feeds
from tests.valkey import Fleet, running_fleet

ANA, BEN, CLEO, _ = PEOPLE
RICH: History = [
    *(a.user_registered(user, f"user {n}") for n, user in enumerate(PEOPLE)),
    a.photo_developed(ANA, a.a_photo(ANA, 1)),
    *(a.user_followed(user, ANA) for user in PEOPLE[1:]),
    a.photo_developed(ANA, a.a_photo(ANA, 2)),
    a.photo_developed(BEN, a.a_photo(BEN, 3)),
    a.user_unfollowed(CLEO, ANA),
    a.photo_deleted(ANA, a.a_photo(ANA, 1)),
    a.user_followed(CLEO, ANA),
    a.photo_developed(ANA, a.a_photo(ANA, 4, a.TOMORROW)),
]
BOTH: tuple[Processor, ...] = ("views", "feeds")
PARTITIONS = {(each.origin.topic, each.origin.partition) for each in logged(RICH, "feeds")}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


def lose(fleet: Fleet, number: int) -> None:
    with Redis.from_url(fleet.servers[number].url) as server:
        server.flushall()


def epochs(fleet: Fleet) -> list[bytes | None]:
    found = list[bytes | None]()
    for each in fleet.servers:
        with Redis.from_url(each.url) as server:
            found.append(server.get(projections.EPOCH))
    return found


async def _all_is_as_it_should_be(world: World, processor: Processor, effects: list[Effects]) -> None:
    if processor == "feeds":
        assert await world.feeds() == await expected_feeds(effects)
    else:
        assert await world.answers.views() == await (await expected(effects)).views()


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("processor", ["feeds", "views"])
async def test_a_server_that_is_lost_alone_is_filled_again(fleet: Fleet, processor: Processor, number: int) -> None:
    effects = logged(RICH, processor)
    async with an_empty(fleet) as world:
        worker = await world.worker(processor)
        await worker.apply(effects)
        lose(fleet, number)

        with pytest.raises(Lost, match="is behind"):
            await worker.apply(effects[-1:])

        assert await worker.progress() == {}
        await worker.drop_watermarks(PARTITIONS)
        await worker.apply(effects)
        await _all_is_as_it_should_be(world, processor, effects)
        assert len(await worker.progress()) == len(PARTITIONS)


@pytest.mark.parametrize("number", range(3))
async def test_a_server_that_is_back_with_an_older_file_gets_what_it_lacks(fleet: Fleet, number: int) -> None:
    effects = logged(RICH, "feeds")
    async with an_empty(fleet) as world:
        worker = await world.worker()
        await worker.apply(effects[:8])
        with Redis.from_url(fleet.servers[number].url) as server:
            kept = {key: server.dump(key) for key in server.scan_iter()}
            await worker.apply(effects[8:])
            server.flushall()
            for key, value in kept.items():
                server.restore(key, 0, value)

        back = await worker.progress()
        await worker.drop_watermarks(PARTITIONS)
        again = [e for e in effects if e.origin.offset >= back.get((e.origin.topic, e.origin.partition), 0)]
        await worker.apply(again)

        found, wanted = await world.feeds(), await expected_feeds(effects)
        gone = {a.a_photo(ANA, 1)}  # a card that is deleted shows in no feed
        assert {user: set(photos) - gone for user, photos in found.items()} == {u: set(p) for u, p in wanted.items()}


def twelve_minutes() -> tuple[list[Key], list[Effects]]:
    """Counters in many buckets, and one record for each of them."""
    counts = [projections.minute(a.NOON.replace(minute=minute)) for minute in range(12)]
    return counts, [Effects(a.an_origin(n), (Count(key, "facts", 1),)) for n, key in enumerate(counts)]


async def test_what_a_lost_server_did_not_count_is_not_counted_twice(fleet: Fleet) -> None:
    counts, effects = twelve_minutes()
    async with an_empty(fleet) as world:
        worker = await world.worker("metrics")
        await worker.apply(effects)
        lose(fleet, 1)

        await worker.progress()
        await worker.drop_watermarks({("facts.v1", 0)})
        await worker.apply(effects)

        assert await worker.hashes(counts) == [{"facts": "1"}] * len(counts)


async def test_what_lost_the_end_only_keeps_its_watermarks(fleet: Fleet) -> None:
    """What lies above may have been counted since."""
    counts, effects = twelve_minutes()
    async with an_empty(fleet) as world:
        worker = await world.worker("metrics")
        await worker.apply(effects)
        for server in fleet.servers:
            with Redis.from_url(server.url) as redis:
                redis.hset(projections.progress("metrics"), "facts.v1:0", 5)

        assert await worker.progress() == {("facts.v1", 0): 5}
        await worker.drop_watermarks(PARTITIONS)
        await worker.apply(effects[5:])

        assert await worker.hashes(counts) == [{"facts": "1"}] * len(counts)


async def test_each_server_has_an_epoch_of_its_own(fleet: Fleet) -> None:
    async with an_empty(fleet) as world:
        for processor in BOTH:
            await (await world.worker(processor)).caught_up()
        before = epochs(fleet)
        lose(fleet, 2)

        for processor in BOTH:
            assert epochs(fleet)[2] is None
            await (await world.worker(processor)).caught_up()

        after = epochs(fleet)
        assert None not in (*before, *after)
        assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False]


async def test_a_log_that_was_wiped_is_noticed_by_the_server_that_is_furthest(fleet: Fleet) -> None:
    async with an_empty(fleet) as world:
        worker = await world.worker()
        await worker.apply([Effects(a.an_origin(41), ())])
        lose(fleet, 0)

        with pytest.raises(Ahead, match="wipe both or neither"):
            await worker.refuse_if_ahead({("facts.v1", 0): 41})


async def test_a_bucket_that_a_server_was_not_filled_with_is_refused(fleet: Fleet) -> None:
    edited = shards.moved(shards.table(fleet.url), 7, fleet.servers[0].url).text()
    async with an_empty(fleet) as world:
        worker = await world.worker()
        await worker.apply(logged(RICH, "feeds"))
        mistaken = type(worker)("feeds", edited, lambda: a.NOON)

        with pytest.raises(Misplaced, match="bucket 7 lies on a server that was filled without it"):
            await mistaken.open()
        await mistaken.close()

        await worker.open()  # the table that is right goes on


async def test_an_empty_server_may_be_given_any_bucket(fleet: Fleet) -> None:
    effects = logged(RICH, "views")
    whole = ",".join(f"{n}={fleet.servers[n % 2].url}" for n in range(64))
    async with an_empty(fleet) as world:
        worker = type(await world.worker("views"))("views", whole, lambda: a.NOON)
        await worker.open()
        await worker.apply(effects)
        await worker.close()
        lose(fleet, 0)
        lose(fleet, 1)

        worker = await world.worker("views")
        assert await worker.progress() == {}
        await worker.apply(effects)

        await _all_is_as_it_should_be(world, "views", effects)


def test_as_far_as_all_have_come() -> None:
    assert least([{"a": 3, "b": 5}, {"a": 4, "b": 2, "c": 9}]) == {"a": 3, "b": 2}
