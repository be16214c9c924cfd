"""One worker's records on its own disk, in order, until Kafka has them.

Append-only segments in a folder that a lock makes ours. Writers share an fsync (group commit); after an error the
segment takes no more, and the group is written once more into a new one: asking for the fsync again could claim what
never reached the disk. What was committed before stays readable and is drained.
"""

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import structlog

from ingest.disk import SUFFIX, Disk
from ingest.rules.segments import Spooled, frame, scan
from schemas.problems import refusal

GROUP_S = 0.005  # what a writer waits for others to share its fsync
SEGMENT_BYTES = 4 << 20  # read whole when drained; after a crash at most this much is drained twice
RETRY_AFTER_S = 5
MAX_WORKERS = 1000
REFUSED = ".refused"

Given = TypeVar("Given")
Found = TypeVar("Found")
_tell = structlog.get_logger("ingest")


@dataclass(frozen=True)
class Allowance:
    """What one worker's spool may take: bytes, and a share (0..1) of the file system."""

    max_bytes: int
    max_disk_share: float


@dataclass
class Segment:
    """A file; `size` is what is durable, `read` what Kafka has already."""

    path: Path
    size: int = 0
    read: int = 0
    damaged: bool = False


@dataclass(frozen=True)
class Chunk:
    """Records in order, and up to where their segment is read when Kafka has them."""

    segment: Segment
    upto: int
    records: tuple[Spooled, ...]


class Spool:
    """Made by `claim` or `adopt`. Disk work runs in one thread of our own, so it never interleaves."""

    def __init__(self, folder: Path, lock: int, disk: Disk, allowance: Allowance) -> None:
        """Blocks: reads what an earlier owner left, and cuts a torn tail off."""
        self.folder, self._lock, self._disk = folder, lock, disk
        self.since: datetime | None = None  # the oldest record that an earlier owner left
        paths = disk.segments(folder)
        found = [self._recovered(path, last=path == paths[-1]) for path in paths]
        self._segments = [segment for segment in found if segment.size]
        self._numbers = count(int(paths[-1].stem) + 1 if paths else 0)
        self._limit = min(allowance.max_bytes, math.floor(allowance.max_disk_share * disk.capacity(folder)))
        self._open: int | None = None  # the file that the last segment is written to
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._waiting_bytes = 0
        self._committing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")

    def _recovered(self, path: Path, last: bool) -> Segment:
        """Only the last can have been torn in the writing; what another has lost is found when it is drained."""
        size = self._disk.size(path)
        found = scan(self._disk.read(path, 0, size))
        if last and found.end < size:
            self._disk.cut(path, found.end)
            _tell.warning("a torn tail was cut off", segment=path.name, bytes=size - found.end)
            size = found.end
        if not size:
            self._disk.remove(path)
        self.since = self.since or (found.records[0].since if found.records else None)
        return Segment(path, size)

    @property
    def empty(self) -> bool:
        """Nothing waits for Kafka, nor for the disk."""
        busy = self._committing is not None and not self._committing.done()
        return not busy and all(segment.read >= segment.size for segment in self._segments)

    @property
    def held_bytes(self) -> int:
        """What it takes on the disk, durable or about to be."""
        return sum(segment.size for segment in self._segments) + self._waiting_bytes

    async def append(self, record: Spooled) -> None:
        """Returns once the record survives a crash; `Refusal(unavailable)` when there is no room, or the disk fails."""
        data = frame(record)
        if self.held_bytes + len(data) > self._limit:
            raise refusal("unavailable", "the spool is full", retry_after_s=RETRY_AFTER_S)
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((data, durable))
        self._waiting_bytes += len(data)
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())
        await durable

    async def _commit(self) -> None:
        while self._waiting:
            await asyncio.sleep(GROUP_S)
            group, self._waiting = self._waiting, []
            together = b"".join(data for data, _ in group)
            failed = await self._in_thread(self._written, together)
            self._waiting_bytes -= len(together)
            for _, durable in group:
                _settle(durable, failed)

    def _written(self, data: bytes) -> OSError | None:
        """In the thread. One segment failed: the next may hold. Two: the disk is full, read-only or broken."""
        failed: OSError | None = None
        for _ in range(2):
            try:
                self._durably(data)
            except OSError as error:
                failed = error
                self._condemn(error)
            else:
                return None
        return failed

    def _durably(self, data: bytes) -> None:
        if self._open is None:
            self._begin()
        assert self._open is not None
        self._disk.write(self._open, data)
        self._disk.sync(self._open)
        self._segments[-1].size += len(data)
        if self._segments[-1].size >= SEGMENT_BYTES:
            self._end()

    def _begin(self) -> None:
        path = self.folder / f"{next(self._numbers):012d}{SUFFIX}"
        self._open = self._disk.create(path)
        self._segments.append(Segment(path))

    def _end(self) -> None:
        if self._open is not None:
            file, self._open = self._open, None
            self._disk.close(file)

    def _condemn(self, error: OSError) -> None:
        """Takes the segment out of use; what it durably holds will be drained."""
        _tell.error("a spool segment failed", folder=str(self.folder), error=str(error))
        with suppress(OSError):
            self._end()
        if self._segments and not self._segments[-1].size:
            empty = self._segments.pop()
            with suppress(OSError):
                self._disk.remove(empty.path)

    async def read(self) -> Chunk | None:
        """What Kafka has not of the oldest segment; None when it has everything. Give it to `drop` when it has."""
        segment = next((segment for segment in self._segments if segment.read < segment.size), None)
        return await self._in_thread(self._chunk, segment) if segment else None

    def _chunk(self, segment: Segment) -> Chunk:
        upto = segment.size
        found = scan(self._disk.read(segment.path, segment.read, upto))
        if lost := upto - segment.read - found.end + found.damaged:
            segment.damaged = True
            _tell.error("a spool segment is damaged", segment=str(segment.path), bytes=lost)
        return Chunk(segment, upto, found.records)

    async def drop(self, chunk: Chunk) -> None:
        """Kafka has the chunk: its segment goes when nothing else is in it."""
        await self._in_thread(self._dropped, chunk)

    def _dropped(self, chunk: Chunk) -> None:
        chunk.segment.read = chunk.upto
        while self._segments and self._segments[0].read >= self._segments[0].size:
            if len(self._segments) == 1:
                self._end()
            oldest = self._segments[0]
            (self._disk.put_aside if oldest.damaged else self._disk.remove)(oldest.path)
            self._segments.pop(0)

    async def put_aside(self, record: Spooled) -> None:
        """Durable in a file of its own, out of the drain's way: renamed to `.spool` it is drained at the next start."""
        await self._in_thread(self._put_aside, record)

    def _put_aside(self, record: Spooled) -> None:
        file = self._disk.create(self.folder / f"{uuid4().hex}{REFUSED}")
        try:
            self._disk.write(file, frame(record))
            self._disk.sync(file)
        finally:
            self._disk.close(file)

    async def works(self) -> bool:
        """Whether a record could be made durable this very moment: tried, with a file of no record."""
        return self.held_bytes < self._limit and await self._in_thread(self._tried, self.folder / "probe")

    def _tried(self, path: Path) -> bool:
        try:
            self._disk.remove(path)
            file = self._disk.create(path)
            try:
                self._disk.write(file, b"probe")
                self._disk.sync(file)
            finally:
                self._disk.close(file)
                self._disk.remove(path)
        except OSError:
            return False
        return True

    async def close(self) -> None:
        """Writes what still waits, and gives the folder back; records stay for whoever owns it next."""
        if self._committing is not None:
            await self._committing
        await self._in_thread(lambda _: self._end(), None)
        self._thread.shutdown()
        self._disk.close(self._lock)

    async def _in_thread(self, work: Callable[[Given], Found], given: Given) -> Found:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, given)


def claim(root: Path, disk: Disk, allowance: Allowance) -> Spool:
    """The first folder under `root` that nobody owns, with what its last owner left. Blocks; may raise `OSError`."""
    for number in range(MAX_WORKERS):
        if spool := adopt(root / f"worker-{number}", disk, allowance):
            return spool
    raise OSError(f"all {MAX_WORKERS} folders under {root} are owned; expected fewer workers")


def adopt(folder: Path, disk: Disk, allowance: Allowance) -> Spool | None:
    """The folder, if its owner is gone. Blocks; may raise `OSError`."""
    if (lock := disk.lock(folder)) is None:
        return None
    try:
        return Spool(folder, lock, disk, allowance)
    except OSError:
        disk.close(lock)
        raise


def _settle(durable: "asyncio.Future[None]", failed: OSError | None) -> None:
    if durable.done():  # the client went away
        return
    if failed is None:
        durable.set_result(None)
    else:
        durable.set_exception(
            refusal("unavailable", f"the spool cannot write: {failed.strerror}", retry_after_s=RETRY_AFTER_S)
        )
