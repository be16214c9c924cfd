"""The twin, one real Valkey, and three that share the buckets."""

from collections.abc import AsyncIterator, Iterator

import pytest

from processors.stores.projections import Projections
from tests.processors.answers import Answers
from tests.processors.store.house import Clock, House
from tests.spread import spread
from tests.twins.projections import ProjectionsTwin
from tests.valkey import Fleet, Valkey, running_fleet


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture(params=["twin", "one server", "three servers"])
async def house(request: pytest.FixtureRequest, server: Valkey, fleet: Fleet) -> AsyncIterator[House]:
    clock = Clock()
    if request.param == "twin":
        twin = ProjectionsTwin(clock)
        yield House(twin, twin, clock)
        return
    url = server.url if request.param == "one server" else fleet.url
    redis = spread(url)
    await redis.flushall()
    store = Projections("feeds", url, clock)
    await store.open()
    yield House(store, Answers(redis, clock), clock)
    await store.close()
    await redis.aclose()
