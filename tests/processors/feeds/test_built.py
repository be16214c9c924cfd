"""A feed is dropped when nobody opens it, and built again for whoever does."""

from datetime import timedelta

from processors.stores import calls, tending
from schemas import projections, tails
from schemas.ids import floor_at
from tests import builders as a
from tests.processors.feeds.readings import EVERYBODY, LATER, happened, read, taken
from tests.processors.histories import PEOPLE, logged
from tests.processors.worlds import World

ANA, BEN, CLEO, _ = PEOPLE


async def test_who_stays_away_for_days_loses_the_feed_and_gets_it_back(world: World) -> None:
    worker = await happened(world, [*EVERYBODY, a.user_followed(BEN, ANA), a.photo_developed(ANA)])
    tender = await world.worker("feeds", at=LATER)

    await worker.tend()
    assert await world.redis.exists(projections.feed(BEN), projections.sealed(BEN)) == 2
    await tender.tend()
    assert await world.redis.exists(projections.feed(BEN), projections.sealed(BEN)) == 0

    assert await read(world, BEN, LATER) == [a.a_photo(ANA)]
    await tender.tend()
    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [a.a_photo(ANA), tails.SENTINEL]


async def test_who_came_yesterday_keeps_the_feed(world: World) -> None:
    await happened(world, EVERYBODY)
    await read(world, BEN, LATER - timedelta(days=1))

    await (await world.worker("feeds", at=LATER)).tend()

    assert await world.redis.exists(projections.feed(BEN)) == 1
    assert await world.redis.exists(projections.feed(CLEO)) == 0


async def test_a_feed_is_not_built_while_views_do_not_know_whom_its_reader_follows(world: World) -> None:
    history = [*EVERYBODY, a.photo_developed(ANA), a.user_followed(BEN, ANA)]
    feeds, views = await world.worker("feeds"), await world.worker("views")
    await feeds.apply(logged(history[:-1], "feeds"))
    await views.apply(logged(history[:-1], "views"))
    await world.redis.delete(projections.feed(BEN))
    await feeds.apply(logged(history, "feeds"))
    keeper = tending.Tending(feeds, lambda: a.NOON, iter(range(9)).__next__)

    assert not await keeper.build(BEN)
    await views.apply(logged(history, "views"))
    assert await keeper.build(BEN)

    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [a.a_photo(ANA), tails.SENTINEL]


async def test_a_builder_who_was_overtaken_finishes_nothing(world: World) -> None:
    worker = await happened(world, [*EVERYBODY, a.photo_developed(BEN)])
    await world.redis.delete(projections.feed(BEN))

    for builder in (1, 2):
        assert await worker.carry_out([calls.building(BEN, builder)]) == [1]
    assert await worker.carry_out([calls.built(BEN, 1, [], 0, 0)]) == [0]
    assert tails.floor(str(await world.redis.lindex(projections.feed(BEN), -1))) is None

    assert await worker.carry_out([calls.built(BEN, 2, [], 0, 0)]) == [1]
    assert await world.redis.lindex(projections.feed(BEN), -1) == tails.SENTINEL


async def test_a_follow_makes_whoever_builds_begin_again(world: World) -> None:
    worker = await happened(world, EVERYBODY)
    await world.redis.delete(projections.feed(BEN))
    await worker.carry_out([calls.building(BEN, 1)])

    await worker.apply(logged([*EVERYBODY, a.user_followed(BEN, ANA)], "feeds"))

    assert await worker.carry_out([calls.built(BEN, 1, [], 0, 0)]) == [0]


async def test_what_came_late_to_a_feed_that_is_built_leaves_it_again_below_its_mark(world: World) -> None:
    history = [*EVERYBODY, a.user_followed(BEN, ANA)]
    worker = await happened(world, history)
    await world.redis.delete(projections.feed(BEN))
    await worker.carry_out([calls.building(BEN, 1)])

    await worker.apply(logged([*history, *taken(ANA, [1, 2])], "feeds"))
    newest = a.a_photo(ANA, 5)
    await worker.carry_out([calls.built(BEN, 1, [newest], int(newest), floor_at(a.NOON))])

    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [newest, f"-{newest}"]


async def test_a_feed_that_is_being_built_takes_part_in_deliveries(world: World) -> None:
    history = [*EVERYBODY, a.user_followed(BEN, ANA)]
    worker = await happened(world, history)
    await world.redis.delete(projections.feed(BEN))
    await worker.carry_out([calls.building(BEN, 1)])

    await worker.apply(logged([*history, a.photo_developed(ANA)], "feeds"))
    await worker.carry_out([calls.built(BEN, 1, [], 0, floor_at(a.NOON))])

    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [a.a_photo(ANA), tails.SENTINEL]


def test_what_a_new_feed_holds_is_the_newest_and_says_from_where_on() -> None:
    many = [str(number) for number in range(1, projections.FEED_CAP + 11)]

    photos, floor = tending.newest([many[::2], many[1::2], ["9000"]], unrevealed=8000)

    assert floor == 11
    assert photos == [*many[10:], "9000"]
    assert tending.newest([["3", "1"]], unrevealed=8000) == (["1", "3"], 0)
