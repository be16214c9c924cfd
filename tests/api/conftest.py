"""A world of views that tests write by hand, and the app that reads it, on a Valkey of their own."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from tests.api.world import World, open_world
from tests.valkey import running_valkey


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server.url


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    redis = Redis.from_url(redis_url, decode_responses=True)
    await redis.flushdb()
    world = open_world(redis, redis_url)
    await world.complete()
    yield world
    await world.close()
    await redis.aclose()
