"""A disk that fails on request."""

import errno
import os
from pathlib import Path

from ingest.disk import Disk


class FailingDisk(Disk):
    """The real disk, until a call is told to fail; what it was asked is counted."""

    def __init__(self) -> None:
        self.syncs = 0
        self.sync_fails = 0  # so many of the next fsyncs end with EIO
        self.write_error = 0  # an errno: each write stores half of its bytes, then fails
        self.create_error = 0

    @classmethod
    def read_only(cls) -> "FailingDisk":
        """Nothing can be made on it."""
        disk = cls()
        disk.create_error = errno.EROFS
        return disk

    def create(self, path: Path) -> int:
        """A new file, if allowed."""
        _fail(self.create_error)
        return super().create(path)

    def write(self, file: int, data: bytes) -> None:
        """Half of it when the disk is said to be full."""
        if self.write_error:
            super().write(file, data[: len(data) // 2])
        _fail(self.write_error)
        super().write(file, data)

    def sync(self, file: int) -> None:
        """Counts, and fails as often as it was told."""
        self.syncs += 1
        if self.sync_fails:
            self.sync_fails -= 1
            _fail(errno.EIO)
        super().sync(file)


def _fail(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))
