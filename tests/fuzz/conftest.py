"""The collector that is fuzzed: a process of its own, on the real broker, so that its memory is its own, too."""

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.faults.collecting import Collector, a_collector


@pytest.fixture(scope="module")
def collector(parts: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """Where nobody has been before."""
    with a_collector(parts, tmp_path_factory.mktemp("collector")) as collector:
        yield collector
