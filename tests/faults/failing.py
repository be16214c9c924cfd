"""`python -m tests.faults.failing`: the collector on a disk that fails as the file named by FAULTS says."""

import errno
import os
import sys
import time
from pathlib import Path

import msgspec

from ingest import __main__, app
from ingest.disk import Disk


class Faults(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the disk is; may change from one call to the next."""

    sync_errno: int = 0
    sync_s: float = 0.0
    full: bool = False


def tell(path: Path, faults: Faults) -> None:
    """From now on the disk is so; in one step, since the other process may be reading."""
    written = path.with_suffix(".new")
    written.write_bytes(msgspec.json.encode(faults))
    written.rename(path)


class FaultyDisk(Disk):
    """The real one, with what the file says on top."""

    def write(self, file: int, data: bytes) -> None:
        """The last bytes of a full disk take the half of it."""
        full = _faults().full
        super().write(file, data[: len(data) // 2] if full else data)
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def sync(self, file: int) -> None:
        """Late, or not at all."""
        faults = _faults()
        time.sleep(faults.sync_s)
        if faults.sync_errno:
            raise OSError(faults.sync_errno, os.strerror(faults.sync_errno))
        super().sync(file)


def _faults() -> Faults:
    return msgspec.json.decode(Path(os.environ["FAULTS"]).read_bytes(), type=Faults)


if __name__ == "__main__":
    vars(app).update(Disk=FaultyDisk)  # the composition root of this process alone
    sys.exit(__main__.main())
