"""A store that forgets, whatever the loop is doing just then: no record passes an earlier one that is read again."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.processors.flows import PARTITION, Flow, turns
from tests.waiting import eventually


@pytest.fixture
async def flow() -> AsyncIterator[Flow]:
    """A loop that waits for records, with everything below 10 done."""
    flow = Flow(committed=10)
    running = asyncio.create_task(flow.run())
    await turns()
    yield flow
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_is_not_lost_is_not_read_again(flow: Flow) -> None:
    flow.take(flow.delivered(10, 11))
    await turns()
    await flow.memory.look()

    assert flow.store.applied == flow.stream.acknowledged == [10, 11]
    assert flow.consumer.told == []


async def test_a_batch_that_waited_while_a_look_found_the_loss_is_not_applied(flow: Flow) -> None:
    """Its store has been told its lower offset by then, so that nothing seems to be lost any more."""
    fetching = asyncio.create_task(flow.consumer._getmany(set(), 1.0))
    flow.store.reached = 0
    looking = asyncio.create_task(flow.memory.look())
    await turns()  # it waits for the fetch
    flow.take(flow.delivered(10, 11))
    await turns()  # the batch waits for the look
    flow.consumer.fetched.set()
    await asyncio.gather(fetching, looking)
    await turns()

    assert flow.store.applied == flow.stream.acknowledged == []
    assert not flow.consumer.unacked  # else a shutdown waits for them for ever
    await it_is_filled_again(flow)


async def test_what_lay_in_the_stream_when_the_loss_was_found_is_not_applied(flow: Flow) -> None:
    late = flow.delivered(10, 11)
    flow.store.reached = 0
    await flow.memory.look()
    flow.take(late)
    await turns()

    assert flow.store.applied == flow.stream.acknowledged == []
    assert not flow.consumer.unacked
    await it_is_filled_again(flow)


async def test_a_take_of_old_and_new_deliveries_applies_the_new_ones(flow: Flow) -> None:
    """They must not be given back with the old ones: nobody would read them again."""
    late = flow.delivered(10, 11)
    flow.store.reached = 0
    await flow.memory.look()
    flow.take([*late, *flow.delivered(0, 1)])
    await turns()

    assert flow.store.applied == flow.stream.acknowledged == [0, 1]
    assert not {event.message for event in late} & set(flow.consumer.unacked)


async def test_a_take_over_a_rebalance_applies_only_what_was_read_after_it(flow: Flow) -> None:
    late = flow.delivered(12, 13)
    flow.app.consumer_generation_id = 2
    flow.take([*late, *flow.delivered(10, 11, generation=2)])
    await turns()

    assert flow.store.applied == flow.stream.acknowledged == [10, 11]
    assert not {event.message for event in late} & set(flow.consumer.unacked)


@pytest.mark.parametrize("left", [0, 5], ids=["everything", "the end"])
async def test_the_store_hears_what_it_has_lost(flow: Flow, left: int) -> None:
    """Which watermarks hide the loss is for the store to know (`test_progress.py`)."""
    flow.store.reached = left
    await flow.memory.look()

    assert flow.store.dropped == [PARTITION]


async def test_nobody_looks_while_a_batch_is_written(flow: Flow) -> None:
    """Else the store would be told a lower offset, and then the batch."""
    flow.store.free.clear()
    flow.take(flow.delivered(10, 11))
    await turns()
    flow.store.reached = 0
    looking = asyncio.create_task(flow.memory.look())
    await turns()

    assert flow.consumer.told == []
    flow.store.free.set()
    await looking
    await asyncio.to_thread(eventually, lambda: not flow.consumer.unacked)
    await it_is_filled_again(flow)


async def test_what_was_acknowledged_and_not_yet_committed_is_read_again_once(flow: Flow) -> None:
    flow.take(flow.delivered(10, 11))
    await turns()
    flow.store.reached = 0
    flow.store.applied.clear()
    flow.stream.acknowledged.clear()
    await flow.memory.look()

    await it_is_filled_again(flow)
    assert flow.consumer.told == ["commit", "seek"]


async def test_a_batch_that_finds_the_loss_itself_comes_again_in_order(flow: Flow) -> None:
    flow.store.reached = 0
    flow.take(flow.delivered(10, 11))
    await turns()

    assert flow.store.applied == flow.stream.acknowledged == []
    await it_is_filled_again(flow)


async def test_during_a_rebalance_nothing_is_written_onto_a_loss(flow: Flow) -> None:
    flow.app.rebalancing = True
    flow.store.reached = 0
    flow.take(flow.delivered(10, 11))
    await turns()
    await flow.memory.look()

    assert flow.store.applied == flow.stream.acknowledged == []
    assert flow.memory.is_open
    assert flow.consumer.told == []  # the rebalance seeks


async def test_a_batch_that_was_tried_again_over_a_rebalance_is_not_applied(flow: Flow) -> None:
    """Its partition may be another worker's now, and nobody here asks what the store remembers of that one."""
    flow.store.failures = [RuntimeError("away")]
    flow.take(flow.delivered(10, 11))
    await turns()
    flow.app.consumer_generation_id = 2
    await asyncio.to_thread(eventually, lambda: not flow.consumer.unacked)
    flow.take(flow.delivered(10, 11, generation=2))
    await turns()

    assert flow.store.applied == flow.stream.acknowledged == [10, 11]


async def it_is_filled_again(flow: Flow) -> None:
    assert flow.consumer.position == 0
    assert flow.consumer.flow_active
    flow.take(flow.delivered(*range(12)))
    await turns()
    assert flow.store.applied == flow.stream.acknowledged == list(range(12))
