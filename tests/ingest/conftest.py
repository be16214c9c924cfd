"""Ingest as its clients see it, on the real parts; what views would say is written by the test itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from local.stack import Stack
from schemas.settings import Settings
from tests.ingest.world import MODERATOR, World

DATABASE = 5  # of the test stack's Valkey: other tests' views live in 0


@pytest.fixture
def settings(parts: Stack, tmp_path: Path) -> Settings:
    """The test stack's, with a Redis database and a spool of our own, and /docs open."""
    redis_url = parts.settings.redis_url.rpartition("/")[0] + f"/{DATABASE}"
    ours = {
        "redis_url": redis_url,
        "spool_dir": str(tmp_path / "spool"),
        "docs": True,
        "sign_in_tries": 10,
        "moderators": MODERATOR,
    }
    return msgspec.structs.replace(parts.settings, **ours)


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    """Empty views that are complete, and the room in this very process."""
    async with World.running(settings) as world:
        await world.redis.flushdb()
        await world.redis.set("epoch", "1")
        yield world
