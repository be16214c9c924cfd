"""A world of views that tests write by hand, and the app that reads it, on a real Valkey."""

import os
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.api.world import World, open_world

DATABASE = 7  # of its own, emptied before each test: other tests share the server


@pytest.fixture
def redis_url() -> str:
    server = os.environ.get("TEST_REDIS", "redis://127.0.0.1:16998")
    return f"{server}/{DATABASE}"


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    redis = Redis.from_url(redis_url, decode_responses=True)
    await redis.flushdb()
    world = open_world(redis, redis_url)
    await world.complete()
    yield world
    await world.close()
    await redis.aclose()
