"""A rewind, and what else moves the positions of a consumer meanwhile."""

import asyncio
from typing import Any

from processors.rewind import rewind
from tests.processors.flows import HERE, PARTITION, FaustApp, Message, turns


def an_app(committed: int) -> FaustApp:
    app = FaustApp()
    app.consumer._committed_offset[HERE] = committed
    return app


async def test_nothing_moves_while_a_fetch_is_under_way() -> None:
    """What it brings belongs to the old position, and would be delivered after the new one was taken."""
    app = an_app(committed=10)
    fetching = asyncio.create_task(app.consumer._getmany(set(), 1.0))
    await turns()
    rewinding = asyncio.create_task(rewind(app, {PARTITION: 3}))
    await turns()

    assert not app.consumer.flow_active  # so that the fetch is dropped
    assert app.consumer.told == []
    app.consumer.fetched.set()
    await asyncio.gather(fetching, rewinding)
    assert app.consumer.told == ["commit", "seek"]
    assert app.consumer.position == 3
    assert app.consumer.flow_active


async def test_no_fetch_begins_while_positions_move() -> None:
    app = an_app(committed=10)
    app.consumer.fetched.set()
    rewinding = asyncio.create_task(rewind(app, {PARTITION: 3}))
    await asyncio.sleep(0)

    assert await app.consumer._getmany(set(), 1.0) == [3]
    assert rewinding.done()


async def test_no_acknowledgement_is_committed_while_positions_move() -> None:
    app = an_app(committed=10)
    app.consumer._acked[HERE] = [10, 11]
    rewinding = asyncio.create_task(rewind(app, {PARTITION: 3}))
    await asyncio.sleep(0)
    await app.consumer.force_commit()

    assert app.consumer.told == ["commit", "seek", "force_commit"]
    assert not app.consumer._acked[HERE]
    assert rewinding.done()


async def test_everything_unacknowledged_is_void() -> None:
    app = an_app(committed=10)
    message = Message(10)
    app.consumer.unacked.add(message)

    void: Any = await rewind(app, {PARTITION: 3})

    assert set(void) == {message}


async def test_during_a_rebalance_nothing_is_changed() -> None:
    app = an_app(committed=10)
    app.rebalancing = True

    assert await rewind(app, {PARTITION: 3}) is None
    assert app.consumer.told == []
    assert app.consumer._committed_offset[HERE] == 10
