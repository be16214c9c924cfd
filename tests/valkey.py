"""A Valkey of the test's own, for tests that empty it, kill it or start it again."""

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from local import cache
from local.recipes import RECIPES, valkey_server

START_S = 10.0  # 50 ms on a quiet machine


class Valkey:
    """The real server on a port of its own. It keeps nothing over a restart, and listens on 127.0.0.1 only."""

    def __init__(self, folder: Path, more: Mapping[str, str | int] | None = None) -> None:
        recipe = next(recipe for recipe in RECIPES if recipe.name == "valkey")
        self._program = valkey_server(cache.install(recipe, print))
        self._folder, self._more = folder, more or {}
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Accepts connections when this returns."""
        settings = {"bind": "127.0.0.1", "port": self._port, "save": "", "appendonly": "no", "dir": self._folder}
        given = {**settings, **self._more}
        options = [word for name, value in given.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen([self._program, *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while not self._accepts():
            assert time.monotonic() < deadline, f"valkey did not accept connections within {START_S} s"
            time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL; everything in it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _accepts(self) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


class Fleet:
    """Servers that share the 64 buckets, neighbours on different ones; `url` is their table."""

    def __init__(self, servers: Sequence[Valkey]) -> None:
        self.servers = servers

    @property
    def url(self) -> str:
        return ",".join(f"{bucket}={self.servers[bucket % len(self.servers)].url}" for bucket in range(64))


Servers = Valkey | Fleet


@contextmanager
def running_fleet(folder: Path, count: int = 3, more: Mapping[str, str | int] | None = None) -> Iterator[Fleet]:
    """So many servers, started, and gone afterwards."""
    with ExitStack() as stack:
        yield Fleet([stack.enter_context(running_valkey(folder, more)) for _ in range(count)])


@contextmanager
def running_servers(how_many: str, folder: Path) -> Iterator[Servers]:
    """`one` server for all buckets, or `three`."""
    with running_valkey(folder) if how_many == "one" else running_fleet(folder) as servers:
        yield servers


@contextmanager
def running_valkey(folder: Path, more: Mapping[str, str | int] | None = None) -> Iterator[Valkey]:
    """Started, and gone afterwards; `more` of its settings."""
    server = Valkey(folder, more)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
