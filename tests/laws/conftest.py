"""A Valkey of the laws' own, a loop that outlives a play."""

import asyncio
from collections.abc import Iterator

import pytest

from processors.stores import feeds
from tests.laws.nodes import nodes
from tests.laws.seeded import shorten_feeds
from tests.laws.stage import Stage
from tests.valkey import Fleet


@pytest.fixture(scope="session", params=[1, pytest.param(3, marks=pytest.mark.nightly)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A cluster's node with all slots: it refuses whatever crosses slots (law 43). At night three share the buckets."""
    with nodes(request.param, tmp_path_factory) as fleet:
        yield fleet


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def small_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few people make several calls in a bucket."""
    monkeypatch.setattr(feeds, "READERS_PER_CALL", 1)


@pytest.fixture
def short_feeds(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_feeds(monkeypatch)


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    server: Fleet,
    loop: asyncio.AbstractEventLoop,
    small_calls: None,
) -> Iterator[Stage]:
    """With real workers, unless the test names another kind."""
    stage: Stage = getattr(request, "param", Stage)(server.url)
    loop.run_until_complete(stage.open())
    yield stage
    loop.run_until_complete(stage.close())
