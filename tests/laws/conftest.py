"""A Valkey of the laws' own, a loop that outlives a play, and a watch over the slots of every command."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio.client import Pipeline

from processors.stores import feeds
from tests.laws.stage import Stage
from tests.valkey import Valkey, running_valkey

SLOT = re.compile(r"\{b\d\d\}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with running_valkey(Path(tmp_path_factory.mktemp("valkey"))) as server:
        yield server


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def one_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 43: whatever is sent in a pipeline names keys of one slot only."""
    plain: Any = Pipeline.pipeline_execute_command

    def watched(self: Any, *args: Any, **options: Any) -> Any:
        slots = {slot for arg in args if isinstance(arg, str) for slot in SLOT.findall(arg)}
        assert len(slots) <= 1, f"{args[0]} crosses slots: {sorted(slots)}"
        return plain(self, *args, **options)

    monkeypatch.setattr(Pipeline, "pipeline_execute_command", watched)


@pytest.fixture
def small_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few people make several calls in a bucket."""
    monkeypatch.setattr(feeds, "READERS_PER_CALL", 1)


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    server: Valkey,
    loop: asyncio.AbstractEventLoop,
    one_slot: None,
    small_calls: None,
) -> Iterator[Stage]:
    """With real workers, unless the test names another kind."""
    stage: Stage = getattr(request, "param", Stage)(server.url)
    loop.run_until_complete(stage.open())
    yield stage
    loop.run_until_complete(stage.close())
