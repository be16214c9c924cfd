"""A worker that dies between any two calls: doing the batch again mends it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.projections import Processor
from tests.processors.histories import History, histories, logged
from tests.processors.worlds import RICH, all_is_as_it_should_be, an_empty, crashes, expected_feeds
from tests.valkey import Servers

EXAMPLES = settings(max_examples=40, deadline=None)  # 40 of each law take seconds


@pytest.mark.parametrize("processor", ["feeds", "views"])
async def test_a_crash_after_any_call_is_mended_by_doing_the_batch_again(server: Servers, processor: Processor) -> None:
    effects = logged(RICH, processor)
    async with an_empty(server) as world:
        crashed, after = True, 0
        while crashed:
            after += 1
            await world.redis.flushall()
            crashed = await crashes(world, processor, effects, after)
            await (await world.worker(processor)).apply(effects)

            await all_is_as_it_should_be(world, processor, effects)
    assert after > 10


@EXAMPLES
@given(histories, st.lists(st.integers(1, 30), max_size=4))
async def test_crash_after_crash_nothing_is_missing_and_nothing_too_much(
    server: Servers, history: History, deaths: list[int]
) -> None:
    effects = logged(history, "feeds")
    async with an_empty(server) as world:
        for after in deaths:
            await crashes(world, "feeds", effects, after)
        await (await world.worker()).apply(effects)

        assert await world.feeds() == await expected_feeds(effects)
