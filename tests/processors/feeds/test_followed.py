"""Who follows may change, and how many do: then an author is pulled, or pushed again."""

from schemas import projections
from schemas.ids import bucket
from tests import builders as a
from tests.processors.feeds.readings import EVERYBODY, happened, pulling, read, taken
from tests.processors.histories import PEOPLE, History, logged
from tests.processors.worlds import World

ANA, BEN, CLEO, DAN = PEOPLE


async def test_a_worker_that_remembers_followers_sees_who_came_and_who_left(world: World) -> None:
    history: History = [*EVERYBODY, a.user_followed(BEN, ANA), *taken(ANA, [1])]
    worker, other = await world.worker(), await world.worker()
    await worker.apply(logged(history, "feeds"))

    history += [a.user_unfollowed(BEN, ANA), a.user_followed(CLEO, ANA)]
    await other.apply(logged(history, "feeds"))
    history += taken(ANA, [2])
    await worker.apply(logged(history, "feeds"))

    newest = a.a_photo(ANA, 2)
    assert {user for user, photos in (await world.feeds()).items() if newest in photos} == {ANA, CLEO}


async def test_a_worker_that_remembers_followers_sees_a_neighbour_of_theirs_come(world: World) -> None:
    history: History = [*EVERYBODY, *taken(ANA, [1])]
    worker, other = await world.worker(), await world.worker()
    await worker.apply(logged(history, "feeds"))

    history += [a.user_followed(BEN, ANA)]
    await other.apply(logged(history, "feeds"))
    await worker.apply(logged([*history, *taken(ANA, [2])], "feeds"))

    assert (await world.feeds())[BEN] == [a.a_photo(ANA, 2), a.a_photo(ANA, 1)]


async def test_who_is_pulled_reads_their_own_photos(world: World) -> None:
    await happened(world, [*EVERYBODY, *taken(ANA, [1, 2])], pulling(0))

    assert await read(world, ANA) == [a.a_photo(ANA, 2), a.a_photo(ANA, 1)]


async def test_an_author_is_pulled_above_so_many_and_pushed_again_well_below(world: World) -> None:
    more = [a.a_user(name) for name in ("eve", "fay")]
    fans: History = [a.user_followed(user, ANA) for user in (BEN, CLEO, DAN, *more)]
    history: History = [*EVERYBODY, *(a.user_registered(user, user) for user in more), *fans, *taken(ANA, [1])]
    await happened(world, history, pulling(5))
    assert await world.redis.smembers(projections.pulled(bucket(DAN))) == {ANA}

    history += [*(a.user_unfollowed(user, ANA) for user in more), *taken(ANA, [2])]
    await happened(world, history, pulling(5))
    assert a.a_photo(ANA, 2) not in await world.redis.lrange(projections.feed(DAN), 0, -1), "four are not well below"
    assert await read(world, DAN) == [a.a_photo(ANA, 2), a.a_photo(ANA, 1)]

    history += [a.user_unfollowed(CLEO, ANA), *taken(ANA, [3])]
    await happened(world, history, pulling(5))
    assert await world.redis.keys("*:pulled") == []
    assert (await world.feeds())[DAN] == [a.a_photo(ANA, number) for number in (3, 2, 1)]
