"""A Valkey of the test's own, for tests that empty it, kill it or start it again."""

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
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
