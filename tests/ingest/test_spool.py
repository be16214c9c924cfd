"""The spool on a real folder, and on a disk that fails."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ingest import spool as spools
from ingest.disk import Disk
from ingest.rules.segments import Spooled, frame
from ingest.spool import Allowance, Spool, adopt, claim
from schemas.problems import Refusal
from tests.builders import NOON
from tests.twins.disk import FailingDisk

ROOMY = Allowance(1 << 30, 1.0)


def a_record(number: int, size: int = 10) -> Spooled:
    return Spooled(NOON, "app", 1, "trace", f"k{number}", b"x" * size)


@asynccontextmanager
async def running(root: Path, disk: Disk | None = None, allowance: Allowance = ROOMY) -> AsyncIterator[Spool]:
    spool = claim(root, disk or Disk(), allowance)
    try:
        yield spool
    finally:
        await spool.close()


async def drained(spool: Spool) -> list[str]:
    keys = []
    while chunk := await spool.read():
        keys += [record.key for record in chunk.records]
        await spool.drop(chunk)
    return keys


def files(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("worker-*/*") if path.name != "lock")


async def test_records_come_out_in_order_and_then_their_files_are_gone(tmp_path: Path) -> None:
    async with running(tmp_path) as spool:
        await asyncio.gather(*(spool.append(a_record(n)) for n in range(50)))
        assert not spool.empty

        assert await drained(spool) == [f"k{n}" for n in range(50)]

        assert (spool.empty, spool.held_bytes, files(tmp_path)) == (True, 0, [])
        await spool.append(a_record(51))
        assert await drained(spool) == ["k51"]


async def test_writers_share_an_fsync(tmp_path: Path) -> None:
    async with running(tmp_path, disk := FailingDisk()) as spool:
        await asyncio.gather(*(spool.append(a_record(n)) for n in range(200)))

        assert disk.syncs == 1


async def test_what_was_not_dropped_is_there_for_the_next_owner(tmp_path: Path) -> None:
    async with running(tmp_path) as spool:
        await asyncio.gather(*(spool.append(a_record(n)) for n in range(3)))
        await spool.read()

    async with running(tmp_path) as spool:
        assert spool.since == NOON
        await spool.append(a_record(3))
        assert await drained(spool) == ["k0", "k1", "k2", "k3"]


async def test_a_torn_tail_is_cut_off_at_the_start(tmp_path: Path) -> None:
    async with running(tmp_path) as spool:
        await spool.append(a_record(0))
    segment = tmp_path / "worker-0/000000000000.spool"
    whole = segment.read_bytes()
    segment.write_bytes(whole + frame(a_record(1))[:-1])

    async with running(tmp_path) as spool:
        assert segment.read_bytes() == whole
        assert await drained(spool) == ["k0"]


async def test_a_damaged_segment_is_put_aside_and_its_neighbours_are_saved(tmp_path: Path) -> None:
    async with running(tmp_path) as spool:
        for n in range(3):
            await spool.append(a_record(n))
    segment = tmp_path / "worker-0/000000000000.spool"
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)

    async with running(tmp_path) as spool:
        assert await drained(spool) == ["k0", "k2"]

    assert files(tmp_path) == ["000000000000.damaged"]


async def test_only_the_last_segment_is_cut_one_before_it_is_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 1)
    async with running(tmp_path) as spool:
        await spool.append(a_record(0))
        await spool.append(a_record(1))
    segment = tmp_path / "worker-0/000000000000.spool"
    segment.write_bytes(segment.read_bytes()[:-1])

    async with running(tmp_path) as spool:
        assert await drained(spool) == ["k1"]

    assert files(tmp_path) == ["000000000000.damaged"]


async def test_segments_end_and_go_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 100)
    async with running(tmp_path) as spool:
        for n in range(3):
            await spool.append(a_record(n, size=200))
        assert len(files(tmp_path)) == 3

        chunk = await spool.read()
        assert chunk is not None
        await spool.drop(chunk)

        assert len(files(tmp_path)) == 2
        assert await drained(spool) == ["k1", "k2"]


async def test_a_failed_fsync_condemns_its_segment_and_a_new_one_takes_the_records(tmp_path: Path) -> None:
    async with running(tmp_path, disk := FailingDisk()) as spool:
        await spool.append(a_record(0))
        disk.sync_fails = 1

        await spool.append(a_record(1))
        await spool.append(a_record(2))

        assert files(tmp_path) == ["000000000000.spool", "000000000001.spool"]
        assert await drained(spool) == ["k0", "k1", "k2"]


async def test_when_no_fsync_succeeds_nothing_is_accepted(tmp_path: Path) -> None:
    async with running(tmp_path, disk := FailingDisk()) as spool:
        await spool.append(a_record(0))
        disk.sync_fails = 2

        with pytest.raises(Refusal, match="unavailable"):
            await spool.append(a_record(1))

        assert disk.syncs == 3
        assert await drained(spool) == ["k0"]


async def test_a_full_disk_refuses_and_takes_again_once_there_is_space(tmp_path: Path) -> None:
    async with running(tmp_path, disk := FailingDisk()) as spool:
        await spool.append(a_record(0))
        disk.write_error = errno.ENOSPC
        for n in range(1, 4):
            with pytest.raises(Refusal) as refused:
                await spool.append(a_record(n))
            assert (refused.value.refused.retry_after_s or 0) >= 1
        assert not await spool.works()
        disk.write_error = 0

        await spool.append(a_record(4))

        assert await spool.works()
        assert await drained(spool) == ["k0", "k4"]
        assert files(tmp_path) == []


async def test_a_read_only_disk_refuses(tmp_path: Path) -> None:
    async with running(tmp_path, FailingDisk.read_only()) as spool:
        with pytest.raises(Refusal, match="unavailable"):
            await spool.append(a_record(0))
        assert not await spool.works()
        assert spool.empty


@pytest.mark.parametrize(
    "allowance", [Allowance(300, 1.0), Allowance(1 << 30, 0.0)], ids=["bytes", "share of the disk"]
)
async def test_a_full_spool_refuses_until_it_is_drained(tmp_path: Path, allowance: Allowance) -> None:
    async with running(tmp_path, allowance=allowance) as spool:
        found = await asyncio.gather(*(spool.append(a_record(n, 100)) for n in range(9)), return_exceptions=True)
        assert isinstance(found[-1], Refusal)
        assert spool.held_bytes <= 300
        await drained(spool)

        if allowance.max_disk_share:
            await spool.append(a_record(11))


async def test_two_workers_never_own_one_folder_and_an_orphan_is_adopted(tmp_path: Path) -> None:
    async with running(tmp_path) as first:
        async with running(tmp_path) as second:
            await second.append(a_record(1))
            assert first.folder != second.folder
            assert adopt(second.folder, Disk(), ROOMY) is None

        orphan = adopt(second.folder, Disk(), ROOMY)
        assert orphan is not None
        assert await drained(orphan) == ["k1"]
        await orphan.close()


async def test_a_segment_whose_only_record_was_torn_is_removed(tmp_path: Path) -> None:
    segment = tmp_path / "worker-0/000000000000.spool"
    async with running(tmp_path) as spool:
        await spool.append(a_record(0))
    segment.write_bytes(frame(a_record(0))[:-1])

    async with running(tmp_path) as spool:
        assert (spool.empty, files(tmp_path)) == (True, [])
        await spool.append(a_record(1))
        assert await drained(spool) == ["k1"]


async def test_a_record_put_aside_is_out_of_the_way_and_can_be_brought_back(tmp_path: Path) -> None:
    async with running(tmp_path) as spool:
        await spool.append(a_record(1))
        await spool.put_aside(a_record(2))
        assert await drained(spool) == ["k1"]

    bring_back(tmp_path)
    async with running(tmp_path) as spool:
        assert await drained(spool) == ["k2"]


def bring_back(root: Path) -> None:
    (aside,) = root.glob("worker-*/*.refused")
    aside.rename(aside.with_name("000000000007.spool"))
