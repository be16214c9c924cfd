"""Servers on which a few people make several calls in a bucket."""

from collections.abc import Iterator

import pytest

from processors.stores import feeds
from tests.valkey import Servers, running_servers


@pytest.fixture(scope="module", params=["three", pytest.param("one", marks=pytest.mark.nightly)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("valkey")
    with running_servers(request.param, folder) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeds, "READERS_PER_CALL", 1)  # so that a few people make several calls in a bucket
        yield server
