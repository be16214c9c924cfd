"""A world of views that tests write by hand, and the app that reads it, on a Valkey of their own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.api.world import World, open_world
from tests.spread import spread
from tests.valkey import running_servers


@pytest.fixture(scope="session", params=["one", pytest.param("three", marks=pytest.mark.nightly)])
def redis_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server; at night also three that share the buckets."""
    with running_servers(request.param, tmp_path_factory.mktemp("valkey")) as server:
        yield server.url


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    redis = spread(redis_url)
    await redis.flushdb()
    world = open_world(redis, redis_url)
    await world.complete()
    yield world
    await world.close()
    await redis.aclose()
