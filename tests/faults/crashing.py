"""`python -m tests.faults.crashing`: the collector, which ends by -9 the CRASH_AFTER-th time it passes CRASH_AT.

The points lie where an accepted event changes hands. The real code knows nothing of them.
"""

import os
import signal
import sys
from asyncio import Future
from itertools import count
from pathlib import Path

from ingest import __main__, app
from ingest.disk import SUFFIX, Disk
from ingest.log import Log
from schemas.topics import Origin, Topic

IN_THE_LOG = ("before_produce", "after_produce", "after_ack")
IN_THE_SPOOL = ("torn_write", "after_sync", "before_drop")

_passed = count(1)


def at(point: str) -> bool:
    """Whether the process ends here and now."""
    return os.environ.get("CRASH_AT") == point and next(_passed) == int(os.environ.get("CRASH_AFTER", "1"))


def pass_by(point: str) -> None:
    """Goes on, or ends as a killed process does: nothing is flushed, nobody is told."""
    if at(point):
        os.kill(os.getpid(), signal.SIGKILL)


class CrashingLog(Log):
    """Before the record leaves, when it may have left, and when Kafka has it but the client does not know."""

    async def events(self, key: str, value: bytes, trace: str) -> Origin:
        """As the real one."""
        pass_by("before_produce")
        origin = await super().events(key, value, trace)
        pass_by("after_ack")
        return origin

    def _produced(self, topic: Topic, key: str, value: bytes | None, trace: str) -> "Future[Origin]":
        future = super()._produced(topic, key, value, trace)
        pass_by("after_produce")
        return future


class CrashingDisk(Disk):
    """In the midst of a frame, when it is durable but nobody knows, and when Kafka has it but it still lies here."""

    def write(self, file: int, data: bytes) -> None:
        """As the real one, or all but the last byte: half of two frames that are alike would be a whole one."""
        if at("torn_write"):
            super().write(file, data[:-1])
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(file, data)

    def sync(self, file: int) -> None:
        """As the real one."""
        super().sync(file)
        pass_by("after_sync")

    def remove(self, path: Path) -> None:
        """As the real one."""
        if path.suffix == SUFFIX and self.size(path):  # an empty one was never drained
            pass_by("before_drop")
        super().remove(path)


if __name__ == "__main__":
    vars(app).update(Log=CrashingLog, Disk=CrashingDisk)  # the composition root of this process alone
    sys.exit(__main__.main())
