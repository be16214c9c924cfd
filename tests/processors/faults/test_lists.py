"""What the lists of a feed hold, and from where on they are complete."""

from datetime import timedelta

from processors.stores.calls import SLACK
from schemas import projections, tails
from tests import builders as a
from tests.processors.histories import PEOPLE, logged
from tests.processors.worlds import an_empty
from tests.valkey import Servers

ANA, *_ = PEOPLE


async def test_a_feed_that_was_trimmed_is_still_warm(server: Servers) -> None:
    taken = [a.photo_developed(ANA, a.a_photo(ANA, number)) for number in range(projections.FEED_CAP + 20)]
    async with an_empty(server) as world:
        await (await world.worker()).apply(logged([a.user_registered(ANA), *taken], "feeds"))

        feed = await world.redis.lrange(projections.feed(ANA), 0, -1)

    assert projections.FEED_CAP < len(feed) <= projections.FEED_CAP + SLACK + 1
    assert int(feed[-1]) == -int(feed[-2]), "it says from where on it is complete"


async def test_an_outbox_keeps_the_newest_photos(server: Servers) -> None:
    taken = [a.photo_developed(ANA, a.a_photo(ANA, number)) for number in range(projections.OUTBOX_CAP + 20)]
    async with an_empty(server) as world:
        await (await world.worker()).apply(logged(taken, "feeds"))

        outbox = await world.redis.lrange(projections.outbox(ANA), 0, -1)

    assert projections.OUTBOX_CAP < len(outbox) <= projections.OUTBOX_CAP + SLACK + 1
    assert outbox[0] == taken[-1].photo
    assert int(outbox[-1]) == -int(outbox[-2]), "it says from where on it is complete"


async def test_a_sealed_write_moves_what_came_due_out_of_the_sealed_list(server: Servers) -> None:
    due, later = a.a_photo(ANA, 1, a.NOON + timedelta(hours=1)), a.a_photo(ANA, 1, a.TOMORROW)
    last = a.a_photo(ANA, 2, a.TOMORROW)
    effects = logged([a.user_registered(ANA), *(a.photo_developed(ANA, p) for p in (due, later, last))], "feeds")
    async with an_empty(server) as world:
        await (await world.worker()).apply(effects[:-1])
        assert await world.redis.lrange(projections.sealed(ANA), 0, -1) == [later, due, tails.SENTINEL]

        await (await world.worker(at=a.NOON + timedelta(hours=1))).apply(effects[-1:])

        assert await world.redis.lrange(projections.sealed(ANA), 0, -1) == [last, later, tails.SENTINEL]
        assert await world.redis.lrange(projections.feed(ANA), 0, -1) == [due, tails.SENTINEL]


async def test_a_cold_feed_stays_cold(server: Servers) -> None:
    effects = logged([a.user_registered(ANA), a.photo_developed(ANA)], "feeds")
    async with an_empty(server) as world:
        worker = await world.worker()
        await worker.apply(effects[:1])
        await world.redis.delete(projections.feed(ANA), projections.sealed(ANA))

        await worker.apply(effects[1:])

        assert await world.redis.exists(projections.feed(ANA), projections.sealed(ANA)) == 0
