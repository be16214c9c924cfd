import asyncio

from tests.api.world import World


async def test_a_door_that_was_closed_leaves_no_connection(world: World) -> None:
    assert await world.room.projections.is_up()
    others = len(await world.redis.client_list()) - 1

    await world.room.projections.close()

    async with asyncio.timeout(5):  # the server notices when it next looks
        while len(await world.redis.client_list()) > others:  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.01)
