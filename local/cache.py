"""Installs kept in the user's cache folder by name and version, so that a second clone is up in seconds.

An install is built in a folder beside its place and moved there in one step: whatever is in place is whole, and an
interrupted build leaves only a folder that the next one sweeps away.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPORT_EVERY_S = 10.0  # how often a long step says that it is alive


class InstallError(RuntimeError):
    """A step of an install failed; the message ends with the last lines of its log."""


@dataclass(frozen=True)
class Workshop:
    """What a recipe works with: `home` is kept, `scratch` thrown away, `log` is where its tools write."""

    home: Path
    scratch: Path
    log: Path
    say: Callable[[str], None]

    def run(self, step: str, *argv: str | Path, far: Callable[[], str] = lambda: "", **env: str) -> None:
        """Runs one tool and says what it does and, every ten seconds, how `far` it is; `InstallError` if it fails."""
        self.say(step)
        started = time.monotonic()
        with self.log.open("ab") as log:
            tool = subprocess.Popen(
                [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **env}
            )
            while not _ended(tool):
                self.say(f"{step}: {far() or 'still at it'}, {time.monotonic() - started:.0f} s")
        if tool.returncode != 0:
            raise InstallError(f"{step} failed with {tool.returncode}; {self.log} ends:\n{tail(self.log)}")


def _ended(tool: subprocess.Popen[bytes]) -> bool:
    try:
        tool.wait(REPORT_EVERY_S)
    except subprocess.TimeoutExpired:
        return False
    return True


@dataclass(frozen=True)
class Recipe:
    """How one part is installed; `pins` are the files that decide what that is."""

    name: str
    version: str
    pins: tuple[Path, ...]
    build: Callable[[Workshop], None]
    works: Callable[[Path], bool]  # a cheap look: a cached environment dies with the Python it was made from

    @property
    def folder(self) -> str:
        """Name, version and a digest of the pins, so that a changed pin is a new install."""
        digest = hashlib.sha256(b"".join(pin.read_bytes() for pin in self.pins)).hexdigest()
        return f"{self.name}-{self.version}-{digest[:8]}"


def cache_root() -> Path:
    """The folder of all installs: `$XDG_CACHE_HOME/darkroom`, else `~/.cache/darkroom`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "darkroom"


def installed(recipe: Recipe) -> Path:
    """Where the part stands once it is installed."""
    return cache_root() / recipe.folder


def install(recipe: Recipe, say: Callable[[str], None]) -> Path:
    """The part's folder; built first when it is missing or no longer works. Two at once: the second waits."""
    place = installed(recipe)
    if place.is_dir() and recipe.works(place):
        return place
    with _alone(recipe):
        if not (place.is_dir() and recipe.works(place)):
            _build(recipe, place, say)
    return place


def _build(recipe: Recipe, place: Path, say: Callable[[str], None]) -> None:
    started = time.monotonic()
    for left in cache_root().glob(f".building-{recipe.name}-*"):
        shutil.rmtree(left, ignore_errors=True)
    building = cache_root() / f".building-{recipe.name}-{os.getpid()}"
    shop = Workshop(building / "home", building / "scratch", cache_root() / "log" / f"{recipe.name}.log", say)
    for folder in (shop.home, shop.scratch, shop.log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    shop.log.write_bytes(b"")
    recipe.build(shop)
    shutil.rmtree(place, ignore_errors=True)
    shop.home.rename(place)
    shutil.rmtree(building, ignore_errors=True)
    say(f"installed {recipe.version} in {time.monotonic() - started:.0f} s")


@contextmanager
def _alone(recipe: Recipe) -> Iterator[None]:
    """One builder per part and machine user; the lock dies with its process."""
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / f".{recipe.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for a message that must explain itself."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
