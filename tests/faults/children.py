"""A process of ours that a test kills, and starts again."""

import subprocess
import sys
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]


class Child:
    """`module`, run with its orders; what it says goes to a file."""

    def __init__(self, module: str, orders: msgspec.Struct, said: Path) -> None:
        self._argv = [sys.executable, "-m", module, msgspec.json.encode(orders).decode()]
        self._said = said
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Runs; called while it runs, nothing changes."""
        if self._process is None or self._process.poll() is not None:
            with self._said.open("ab") as said:
                self._process = subprocess.Popen(self._argv, cwd=ROOT, stdout=said, stderr=said)

    def kill(self) -> None:
        """-9, also when it stands still."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
