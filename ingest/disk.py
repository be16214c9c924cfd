"""Door to the disk, for the spool: a few calls that say exactly when something is durable.

Every one may raise `OSError`. They block: the spool calls them from a thread of its own.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

SUFFIX = ".spool"


class Disk:
    """The real one; tests have a twin that fails on request."""

    def lock(self, folder: Path) -> int | None:
        """Makes the folder ours until `close` or our end, however that comes; None while it is another process's."""
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def folders(self, root: Path) -> list[Path]:
        """Of all workers, living or not."""
        return sorted(path for path in root.iterdir() if path.is_dir())

    def segments(self, folder: Path) -> list[Path]:
        """Oldest first."""
        return sorted(folder.glob(f"*{SUFFIX}"))

    def create(self, path: Path) -> int:
        """A new, empty file open for appending, whose name survives a crash; when it cannot, none is left behind."""
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _sync_folder(path.parent)
        except OSError:
            os.close(file)
            with suppress(OSError):
                path.unlink()
            raise
        return file

    def write(self, file: int, data: bytes) -> None:
        """Appends all of it; after an error, some of it may stand there."""
        left = memoryview(data)
        while left:
            left = left[os.write(file, left) :]

    def sync(self, file: int) -> None:
        """What was written survives a crash. After an error nothing is known of it, and asking again tells nothing."""
        os.fsync(file)

    def close(self, file: int) -> None:
        """Gives the file, or the lock, back."""
        os.close(file)

    def read(self, path: Path, start: int, end: int) -> bytes:
        """The bytes in between, fewer when the file ends before."""
        with path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def size(self, path: Path) -> int:
        """Bytes."""
        return path.stat().st_size

    def cut(self, path: Path, size: int) -> None:
        """Takes a torn tail off."""
        os.truncate(path, size)

    def remove(self, path: Path) -> None:
        """Deletes it; one that is gone already is fine."""
        path.unlink(missing_ok=True)

    def put_aside(self, path: Path) -> None:
        """Out of the spool's sight, for people to look at."""
        path.rename(path.with_suffix(".damaged"))

    def capacity(self, folder: Path) -> int:
        """Bytes the whole file system holds."""
        found = os.statvfs(folder)
        return found.f_frsize * found.f_blocks


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
