"""One server, at night three, and what workers do on it; or lists so short that they end soon."""

from collections.abc import AsyncIterator, Iterator

import pytest

from processors.stores import calls, tending
from tests.processors.worlds import World, an_empty
from tests.valkey import Servers, running_servers

CAP = 20


@pytest.fixture(scope="module", params=["one", pytest.param("three", marks=pytest.mark.nightly)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running_servers(request.param, tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
async def world(server: Servers) -> AsyncIterator[World]:
    async with an_empty(server) as world:
        yield world


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feeds of ten, outboxes of twenty."""
    monkeypatch.setattr(calls, "SLACK", 0)
    monkeypatch.setattr(calls, "OUTBOX_CAP", CAP)
    for module in (calls, tending):
        monkeypatch.setattr(module, "FEED_CAP", CAP // 2)
