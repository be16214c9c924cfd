"""Beyond what a feed keeps its reader goes on in outboxes, and beyond the heads of those in grids."""

from datetime import timedelta

import pytest

from schemas import projections
from tests import builders as a
from tests.processors.feeds.readings import (
    EVERYBODY,
    happened,
    newest_first,
    pulling,
    read,
    told,
    walked,
    walked_back,
)
from tests.processors.histories import PEOPLE, History
from tests.processors.worlds import World

ANA, BEN, CLEO, DAN = PEOPLE
YESTERDAY = a.MORNING - timedelta(days=1)


async def test_below_what_a_feed_keeps_its_reader_goes_on_in_what_their_people_published(world: World) -> None:
    await happened(world, [*EVERYBODY, a.user_followed(BEN, ANA), *told(ANA, range(250)), *told(BEN, range(250))])

    every = newest_first(ANA, BEN, numbers=range(250))
    assert await walked(world, BEN) == every
    await world.redis.delete(projections.feed(BEN))
    assert await walked(world, BEN) == every


async def test_a_trimmed_feed_that_lost_most_of_its_photos_is_not_taken_for_all_there_is(world: World) -> None:
    old, new = told(ANA, range(100)), told(CLEO, range(200, 640))
    follows = [a.user_followed(BEN, ANA), a.user_followed(BEN, CLEO)]
    await happened(world, [*EVERYBODY, *follows, *old, *new, a.user_unfollowed(BEN, CLEO)])

    assert await walked(world, BEN) == newest_first(ANA, numbers=range(100))


async def test_a_late_photo_older_than_what_a_feed_keeps_stands_in_its_place(world: World) -> None:
    late = a.a_photo(CLEO, 1, YESTERDAY)
    follows = [a.user_followed(BEN, ANA), a.user_followed(BEN, CLEO)]
    await happened(world, [*EVERYBODY, *follows, *told(ANA, range(430)), *told(CLEO, [1], YESTERDAY)])

    assert (await walked(world, BEN))[-1] == late
    kept = await world.redis.lrange(projections.feed(BEN), 0, -1)
    assert late not in kept, "below its mark a feed holds nothing: the next trim would set the mark there"


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("above", [0, 10], ids=["pulled", "pushed"])
async def test_what_an_outbox_lets_go_is_found_in_the_grid_of_its_author(world: World, above: int) -> None:
    follows = [a.user_followed(BEN, ANA), a.user_followed(BEN, CLEO)]
    await happened(world, [*EVERYBODY, *follows, *told(CLEO, range(9)), *told(ANA, range(70))], pulling(above))

    every = sorted(
        [*newest_first(ANA, numbers=range(70)), *newest_first(CLEO, numbers=range(9))], key=int, reverse=True
    )
    assert await walked(world, BEN, count=7) == every
    assert await walked_back(world, BEN, count=7) == every[::-1]
    await world.redis.delete(projections.feed(BEN))
    assert await walked(world, BEN, count=7) == every


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("is_built", [False, True])
async def test_who_follows_an_author_whose_outbox_lost_its_photos_does_not_take_it_for_whole(
    world: World, is_built: bool
) -> None:
    gone = [a.photo_deleted(ANA, a.a_photo(ANA, number)) for number in range(50, 68)]
    feeds = await happened(world, [*EVERYBODY, *told(ANA, range(70)), *gone, a.user_followed(BEN, ANA)])
    if is_built:
        await world.redis.delete(projections.feed(BEN))
        await read(world, BEN)
        await feeds.tend()

    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [
        *newest_first(ANA, numbers=[68, 69]), f"-{a.a_photo(ANA, 50)}"
    ]  # fmt: skip
    assert await walked(world, BEN, count=7) == newest_first(ANA, numbers=[*range(50), 68, 69])


@pytest.mark.usefixtures("short")
async def test_below_a_trimmed_outbox_a_feed_holds_nobodys_photos(world: World) -> None:
    """The next trim would set the mark at one of them."""
    gone = [a.photo_deleted(ANA, a.a_photo(ANA, number)) for number in range(50, 68)]
    old: History = [a.user_followed(BEN, CLEO), *told(CLEO, [1], YESTERDAY)]
    await happened(world, [*EVERYBODY, *old, *told(ANA, range(70)), *gone, a.user_followed(BEN, ANA)])

    kept = newest_first(ANA, numbers=[68, 69])
    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [*kept, f"-{a.a_photo(ANA, 50)}"]
    assert (await walked(world, BEN, count=7))[-1] == a.a_photo(CLEO, 1, YESTERDAY)


@pytest.mark.usefixtures("short")
async def test_who_is_pushed_again_is_so_as_far_as_their_outbox_goes(world: World) -> None:
    fans = [a.user_followed(user, ANA) for user in (BEN, CLEO, DAN)]
    gone = [a.photo_deleted(ANA, a.a_photo(ANA, number)) for number in range(50, 68)]
    pulled = [*EVERYBODY, *fans, *told(ANA, range(70)), *gone]
    await happened(world, pulled, pulling(0))
    await happened(world, [*pulled, *told(ANA, [70])], pulling(10))

    assert await world.redis.keys("*:pulled") == []
    assert await walked(world, BEN, count=7) == newest_first(ANA, numbers=[*range(50), 68, 69, 70])
