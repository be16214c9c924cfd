"""Finds a Python 3.13 or newer for the BigQuery emulator, which needs one; the rooms run on 3.11 and up."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VERSIONS = ("3.13", "3.14")
LET_UV_FETCH_IT = "3.13"  # what uv is told when the machine has none: it may download one


def python313() -> str:
    """Path of an interpreter that runs, else what uv is told in order to fetch one."""
    return next((str(python) for python in _candidates() if _runs(python)), LET_UV_FETCH_IT)


def _candidates() -> Iterator[Path]:
    """PATH first, then where version managers keep their own, which PATH often lacks."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield from (Path(folder) / f"python{version}" for version in VERSIONS)
    for root in _version_folders():
        for version in VERSIONS:
            yield from sorted(root.glob(f"{version}*/bin/python{version}"), reverse=True)


def _version_folders() -> Iterator[Path]:
    yield Path(sys.base_prefix).parent  # pyenv and its like keep the versions side by side
    if root := os.environ.get("PYENV_ROOT"):
        yield Path(root) / "versions"
    yield Path.home() / ".pyenv" / "versions"


def _runs(python: Path) -> bool:
    """Whether it really starts: a version manager's shim exists for versions that are not chosen, and fails."""
    if not python.is_file():
        return False
    try:
        return subprocess.run([python, "-c", ""], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
