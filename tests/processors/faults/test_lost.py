"""A server that restarted, was emptied or forgot its functions is noticed, and filled again."""

from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisAway

from processors.processor import Effects
from processors.stores.projections import Ahead, Lost
from schemas import projections
from schemas.projections import Processor
from tests import builders as a
from tests.processors.histories import logged
from tests.processors.worlds import RICH, all_is_as_it_should_be, an_empty, crashes, expected_feeds
from tests.valkey import Servers, running_valkey


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
            assert await world.answers.views() == {}


@pytest.mark.parametrize("processor", ["feeds", "views"])
async def test_a_server_emptied_just_before_a_batch_can_be_filled_again(server: Servers, processor: Processor) -> None:
    effects = logged(RICH, processor)
    async with an_empty(server) as world:
        worker = await world.worker(processor)
        await worker.apply(effects[:8])
        await world.redis.flushall()

        with pytest.raises(Lost, match=f"progress of {processor} is behind"):
            await worker.apply(effects[8:])

        assert await worker.progress() == {}
        await worker.open()
        await worker.apply(effects)
        await all_is_as_it_should_be(world, processor, effects)


@pytest.mark.parametrize(("processor", "after"), [("views", 1), ("feeds", 5), ("feeds", 10)])
async def test_a_worker_killed_on_an_emptied_server_hides_nothing(
    server: Servers, processor: Processor, after: int
) -> None:
    """Its watermarks stand, its progress does not: the next worker drops them before it reads everything again."""
    effects = logged(RICH, processor)
    partitions = {(each.origin.topic, each.origin.partition) for each in effects}
    async with an_empty(server) as world:
        await (await world.worker(processor)).apply(effects[:8])
        await world.redis.flushall()
        assert await crashes(world, processor, effects[8:], after)
        successor = await world.worker(processor)
        assert await successor.progress() == {}

        await successor.drop_watermarks(partitions)
        await successor.apply(effects)

        await all_is_as_it_should_be(world, processor, effects)


async def test_a_server_emptied_before_a_workers_first_batch_is_noticed(server: Servers) -> None:
    effects = logged(RICH, "feeds")
    async with an_empty(server) as world:
        await (await world.worker()).apply(effects[:8])
        worker = await world.worker()
        await worker.progress()
        await world.redis.flushall()

        with pytest.raises(Lost):
            await worker.apply(effects[8:])


async def test_a_log_that_was_wiped_is_noticed(server: Servers) -> None:
    async with an_empty(server) as world:
        worker = await world.worker()
        await worker.apply([Effects(a.an_origin(41), ())])

        await worker.refuse_if_ahead({("facts.v1", 0): 42, ("facts.v1", 1): 0})
        with pytest.raises(Ahead, match="wipe both or neither"):
            await worker.refuse_if_ahead({("facts.v1", 0): 41})


async def test_reading_again_from_an_earlier_offset_is_no_loss(server: Servers) -> None:
    effects = logged(RICH, "feeds")
    async with an_empty(server) as world:
        worker = await world.worker()
        await worker.apply(effects)
        await world.redis.flushall()

        await worker.apply(effects)

        assert await world.feeds() == await expected_feeds(effects)


async def test_a_server_that_forgot_the_functions_learns_them_again(server: Servers) -> None:
    effects = logged(RICH, "feeds")
    async with an_empty(server) as world:
        worker = await world.worker()
        await world.redis.function_flush()

        await worker.apply(effects)

        assert await world.feeds() == await expected_feeds(effects)


async def test_the_last_of_views_and_feeds_starts_the_epoch(server: Servers) -> None:
    async with an_empty(server) as world:
        views, feeds = await world.worker("views"), await world.worker("feeds")

        await feeds.caught_up()
        assert await world.redis.get(projections.EPOCH) is None
        await views.caught_up()
        epoch = await world.redis.get(projections.EPOCH)
        await feeds.caught_up()

        assert epoch is not None
        assert await world.redis.get(projections.EPOCH) == epoch
