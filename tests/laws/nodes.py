"""Servers that refuse whatever crosses slots (law 43): nodes of clusters, each with all slots."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis import Redis

from tests.valkey import Fleet, Valkey, free_port, running_valkey
from tests.waiting import eventually


@contextmanager
def nodes(count: int, folders: pytest.TempPathFactory) -> Iterator[Fleet]:
    """They share the 64 buckets by a table, and know nothing of each other."""
    with ExitStack() as stack:
        yield Fleet([stack.enter_context(_node(folders.mktemp("valkey"))) for _ in range(count)])


@contextmanager
def _node(folder: Path) -> Iterator[Valkey]:
    cluster: dict[str, str | int] = {"cluster-enabled": "yes", "cluster-port": free_port()}
    with running_valkey(folder, cluster) as server:
        with Redis.from_url(server.url, decode_responses=True) as redis:
            redis.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            eventually(lambda: redis.cluster("info")["cluster_state"] == "ok")
        yield server
