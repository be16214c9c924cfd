"""Where accepted events go: into Kafka, or into the spool while it is away. Whoever returns from here, it is stored.

While this worker's spool is not empty its live events go through it too, so that one person's stay in order. A record
whose ack came too late stands in the log twice; consumers know it by its ids.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import structlog

from ingest.disk import Disk
from ingest.doors import Clock
from ingest.log import DELIVERY_S, Log, TooLarge
from ingest.rules.records import Record
from ingest.rules.segments import SLOWEST, Spooled, paced, waves
from ingest.spool import Allowance, Spool, adopt, claim
from ingest.telemetry import Telemetry
from schemas.problems import Refusal
from schemas.telemetry import (
    EVENTS_DRAINED,
    EVENTS_PUT_ASIDE,
    EVENTS_SPOOLED,
    EVENTS_STORED,
    SPOOL_AGE,
    SPOOL_BROKEN,
    SPOOL_BYTES,
)
from schemas.topics import EVENTS

Durability = Literal["log", "spool"]

TURN_S = 0.05  # so soon after Kafka is back the spool is drained
RETRY_S = 0.5
ADOPT_S = 5.0  # so often we look for what a worker that is gone has left
TRY_S = 5.0  # so often the disk is tried: that it fails is known before it is needed

_tell = structlog.get_logger("ingest")


@dataclass(frozen=True)
class Spools:
    """Where spools lie, and on what."""

    root: Path
    allowance: Allowance
    disk: Disk


class Store:
    """`events` starts it, or `start` does, which also drains what an earlier process left."""

    def __init__(self, log: Log, spools: Spools, telemetry: Telemetry, clock: Clock) -> None:
        self._log, self._spools, self._telemetry, self._clock = log, spools, telemetry, clock
        self._spool: Spool | None = None
        self._starting = asyncio.Lock()
        self._claim_after = 0.0
        self._adopt_after = 0.0
        self._try_after = 0.0
        self._tending: asyncio.Task[None] | None = None
        self._oldest: datetime | None = None  # of the records in our spool

    async def events(self, record: Record, trace: str) -> Durability:
        """One person's part of a batch; `Refusal(unavailable)` when neither Kafka nor the spool took it."""
        await self.start()
        spooled = Spooled(self._clock(), record.app, record.events, trace, record.key, record.value)
        if self._spool is None:
            return await self._into_log(spooled)
        if self._log.away or not self._spool.empty:
            return await self._into_spool(self._spool, spooled)
        try:
            return await self._into_log(spooled)
        except Refusal:
            return await self._into_spool(self._spool, spooled)

    async def _into_log(self, record: Spooled) -> Durability:
        await self._log.events(record.key, record.value, record.trace)
        self._telemetry.count(EVENTS_STORED, record.events, app=record.app)
        return "log"

    async def _into_spool(self, spool: Spool, record: Spooled) -> Durability:
        try:
            await spool.append(record)
        except Refusal:
            if not await self._emptied(spool):
                raise
            return await self._into_log(record)
        self._oldest = self._oldest or record.since
        self._telemetry.count(EVENTS_SPOOLED, record.events, app=record.app)
        return "spool"

    async def _emptied(self, spool: Spool) -> bool:
        """Whether Kafka has all of it before long: then a full disk costs nobody his order."""
        deadline = time.monotonic() + DELIVERY_S
        while not spool.empty and not self._log.away and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(TURN_S)  # nothing tells when a spool is empty
        return spool.empty and not self._log.away

    async def works(self) -> bool:
        """Whether the spool would take an event now."""
        await self.start()
        return self._spool is not None and await self._spool.works()

    async def start(self) -> None:
        """Owns a spool and drains it. Called twice: the same; after a fault of ours in the draining: raises that."""
        if self._tending is None or (self._spool is None and time.monotonic() >= self._claim_after):
            async with self._starting:
                await self._begin()
        elif self._tending.done():
            self._tending.result()

    async def _begin(self) -> None:
        if self._spool is None:
            await self._claim()
        if self._tending is None:
            await self._log.begin()
            self._tending = asyncio.create_task(self._tend())

    async def _claim(self) -> None:
        """Without a disk we serve from Kafka alone, and try again in a while."""
        spools = self._spools
        try:
            spool = await asyncio.to_thread(claim, spools.root, spools.disk, spools.allowance)
        except OSError as error:
            self._claim_after = time.monotonic() + RETRY_S
            _tell.error("there is no spool", folder=str(spools.root), error=str(error))
        else:
            self._spool, self._oldest = spool, spool.since

    async def _tend(self) -> None:
        while True:
            try:
                if not self._log.away:
                    await self._turn()
            except OSError as error:
                _tell.error("the spool was not drained", error=str(error))
                await asyncio.sleep(RETRY_S)
            self._tell_levels()
            await self._try_disk()
            await asyncio.sleep(TURN_S)

    async def _try_disk(self) -> None:
        """Whoever wants no spool is not told that there is none."""
        if time.monotonic() >= self._try_after and self._spools.allowance.max_bytes:
            self._telemetry.level(SPOOL_BROKEN, 0 if await self.works() else 1, room="ingest")
            self._try_after = time.monotonic() + TRY_S

    async def _turn(self) -> None:
        if self._spool is not None:
            await self._drain(self._spool)
        if time.monotonic() >= self._adopt_after and self._spool is not None:
            self._adopt_after = time.monotonic() + ADOPT_S
            await self._drain_orphans(self._spool)

    async def _drain_orphans(self, ours: Spool) -> None:
        spools = self._spools
        for folder in await asyncio.to_thread(spools.disk.folders, spools.root):
            if folder != ours.folder and (
                orphan := await asyncio.to_thread(adopt, folder, spools.disk, spools.allowance)
            ):
                try:
                    await self._drain(orphan)
                finally:
                    await orphan.close()

    async def _drain(self, spool: Spool) -> None:
        """Until it is empty, in order; what arrives meanwhile joins the end."""
        per_s = SLOWEST
        while chunk := await spool.read():
            for wave in waves(chunk.records):
                began, self._oldest = time.monotonic(), wave[0].since
                await self._appended(spool, wave)
                per_s = paced(per_s, await _late_s(began + len(wave) / per_s))
            await spool.drop(chunk)

    async def _appended(self, spool: Spool, wave: Sequence[Spooled]) -> None:
        """Until Kafka has confirmed each; the keys of a wave differ, so it matters to nobody which comes first."""
        left = list(wave)
        while left:
            self._tell_levels()
            found = await asyncio.gather(*(self._drained(record) for record in left))
            heard = tuple(zip(left, found, strict=True))
            large = [record for record, said in heard if said == "too large"]
            left = [record for record, said in heard if said == "away"]
            left += [record for record in large if not await self._settled_alone(spool, record)]
            if left:
                await asyncio.sleep(RETRY_S)

    async def _drained(self, record: Spooled) -> Literal["done", "away", "too large"]:
        """Patiently: to ask again while the producer still holds it would put it into the log twice."""
        try:
            await self._log.append(EVENTS, record.key, record.value, record.trace)
        except TooLarge:
            return "too large"
        except Refusal:
            return "away"
        self._telemetry.count(EVENTS_DRAINED, record.events, app=record.app)
        return "done"

    async def _settled_alone(self, spool: Spool, record: Spooled) -> bool:
        """Nothing else of this worker is in flight now: what is too large still, all behind it would wait for."""
        said = await self._drained(record)
        if said == "too large":
            await spool.put_aside(record)
            self._telemetry.count(EVENTS_PUT_ASIDE, record.events, app=record.app)
            _tell.error("a spooled record is too large for Kafka, and was put aside", folder=str(spool.folder))
        return said != "away"

    def _tell_levels(self) -> None:
        if self._spool is None or self._spool.empty:
            self._oldest = None
        age = (self._clock() - self._oldest).total_seconds() if self._oldest else 0.0
        self._telemetry.level(SPOOL_BYTES, self._spool.held_bytes if self._spool else 0, room="ingest")
        self._telemetry.level(SPOOL_AGE, age, room="ingest")

    async def close(self) -> None:
        """What waits for the disk is written; what waits for Kafka stays for the next process."""
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.wait([self._tending])
        if self._spool is not None:
            await self._spool.close()


async def _late_s(due: float) -> float:
    """Waits until it is due (monotonic), lets everybody else run, and tells how long that took beyond it."""
    until = max(due, time.monotonic())
    await asyncio.sleep(until - time.monotonic())
    return time.monotonic() - until
