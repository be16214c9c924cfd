"""A live side of two servers, and a shadow beside it."""

from collections.abc import Iterator

import pytest

from tests.laws.nodes import nodes
from tests.processors.replays import Bench, emptied
from tests.valkey import Fleet, Valkey, running_valkey


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two share the buckets, and refuse whatever crosses slots."""
    with nodes(2, tmp_path_factory) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def aside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with running_valkey(tmp_path_factory.mktemp("shadow")) as server:
        yield server


@pytest.fixture
async def bench(fleet: Fleet, aside: Valkey) -> Bench:
    """Two empty sides and an empty log."""
    found = Bench(fleet.url, aside.url)
    await emptied(found, everything=True)
    return found
