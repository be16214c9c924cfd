"""Records in any order, and again and late: nothing changes. On a real Valkey, against the twin as oracle."""

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.projections import Processor
from tests.processors.histories import History, histories, interleaved, logged, runs
from tests.processors.worlds import an_empty, expected, expected_feeds
from tests.valkey import Servers

EXAMPLES = settings(max_examples=40, deadline=None)  # 40 of each law take seconds


@EXAMPLES
@given(st.data(), histories)
async def test_feeds_are_the_same_in_whatever_order_partitions_come(
    server: Servers, data: st.DataObject, history: History
) -> None:
    effects = logged(history, "feeds")
    async with an_empty(server) as world:
        worker = await world.worker()

        await worker.apply(data.draw(interleaved(effects)))

        assert await world.feeds() == await expected_feeds(effects)


@EXAMPLES
@given(st.data(), histories)
async def test_views_are_the_same_in_whatever_order_partitions_come(
    server: Servers, data: st.DataObject, history: History
) -> None:
    effects = logged(history, "views")
    async with an_empty(server) as world:
        worker = await world.worker("views")

        await worker.apply(data.draw(interleaved(effects)))

        assert await world.answers.views() == await (await expected(effects)).views()


@EXAMPLES
@given(st.data(), histories, st.sampled_from(["feeds", "views"]))
async def test_a_worker_thawed_after_its_successor_changes_nothing(
    server: Servers, data: st.DataObject, history: History, processor: Processor
) -> None:
    effects = logged(history, processor)
    late = data.draw(runs(effects))
    async with an_empty(server) as world:
        worker = await world.worker(processor)
        await worker.apply(effects)
        before = await world.answers.everything()

        await (await world.worker(processor)).apply(late)

        assert await world.answers.everything() == before
