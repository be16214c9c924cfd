"""Photos come in any order: film is slow for one and quick for another; a replay reads partition by partition."""

from random import Random

import pytest

from schemas import projections, tails
from tests import builders as a
from tests.processors.feeds.readings import EVERYBODY, happened, newest_first, told
from tests.processors.histories import PEOPLE
from tests.processors.worlds import World

ANA, BEN, *_ = PEOPLE


@pytest.mark.parametrize("count", [*range(1, 10), 75])
async def test_they_stand_newest_first_and_each_once(world: World, count: int) -> None:
    numbers = [*range(count)] * 2
    Random(count).shuffle(numbers)
    await happened(world, [*EVERYBODY, a.user_followed(BEN, ANA), *told(ANA, numbers)])

    every = newest_first(ANA, numbers=range(count))
    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [*every, tails.SENTINEL]
    assert await world.redis.lrange(projections.outbox(ANA), 0, -1) == every
