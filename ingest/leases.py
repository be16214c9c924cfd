"""Short keys of ingest's own: id sequences, user names being taken, commands being carried out.

All of them may be lost: an id sequence skips ahead, a name is confirmed by the view, a command's fact has the same id
when it is made again.
"""

import asyncio
from datetime import datetime, timedelta

import msgspec

from ingest.shards import Shards, answer
from schemas import ids, projections
from schemas.ids import FactId, UserId
from schemas.projections import Key

BLOCK = 64  # ids per round trip
SKIP = 1 << 16  # more than any process has leased and Redis may have forgotten (AOF: one second)
IDS_PER_SECOND = 16  # per bucket, on average over months: a counter that was lost starts past where it was
NAME_LEASE = timedelta(minutes=10)  # longer than views may lag behind a registration
COMMAND_LEASE = timedelta(hours=24)  # how long an Idempotency-Key is remembered
IN_FLIGHT = timedelta(seconds=15)  # longer than any command takes; then a retry may take over


class Taken(msgspec.Struct, frozen=True):
    """A user name is being registered: the fact that will say so, and the id it will give."""

    fact: FactId
    user: UserId


class Lease(msgspec.Struct, frozen=True, omit_defaults=True):
    """A command: its body's hash, until when it is in flight, and the fact it decided on (as in the log)."""

    body: str
    until: datetime
    fact: str | None = None
    done: bool = False


class Leases:
    """One per process; methods raise `Refusal(unavailable)` while Redis is away."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards
        self._left: dict[int, range] = {}
        self._run_ids: dict[int, str] = {}  # of the server that the bucket's block is from
        self._one_at_a_time = asyncio.Lock()

    async def sequence(self, bucket: int, at: datetime) -> int:
        """A number no one else gets in this bucket (mod 2^26, which ids take it by)."""
        async with self._one_at_a_time:  # a hundred commands at once need one block, not a hundred
            left = self._left.get(bucket) or await self._block(bucket, at)
            self._left[bucket] = left[1:]
            return left[0]

    async def _block(self, bucket: int, at: datetime) -> range:
        """A fresh block. After a start of ours or of Redis, past everything that may have been forgotten."""
        redis = self._shards.at(bucket)
        run_id = str((await answer(redis.info("server")))["run_id"])
        if self._run_ids.get(bucket) != run_id:
            self._forget(bucket)
        skip = 0 if bucket in self._run_ids else SKIP
        key = projections.sequence(bucket)
        pipe = redis.pipeline(transaction=False)
        pipe.set(key, int((at - ids.EPOCH).total_seconds()) * IDS_PER_SECOND, nx=True)
        pipe.incrby(key, skip + BLOCK)
        _, end = await answer(pipe.execute())
        self._run_ids[bucket] = run_id
        return range(end - BLOCK, end)

    def _forget(self, bucket: int) -> None:
        """What the bucket's server counted before it started again is nobody's any more, of all its buckets."""
        table = self._shards.table
        for number in table.buckets(table.homes[bucket]):
            self._left.pop(number, None)
            self._run_ids.pop(number, None)

    async def take_username(self, name: str, taken: Taken) -> Taken:
        """`taken` when the name was not being registered by anybody, else whoever does."""
        key = projections.username_lease(name)
        value = msgspec.json.encode(taken)
        before = await answer(self._shards.of(key).set(key, value, nx=True, get=True, ex=NAME_LEASE))
        return msgspec.json.decode(before, type=Taken) if before else taken

    async def begin(self, command: FactId, body: str, now: datetime) -> Lease | None:
        """None: the command is ours to carry out. Else what is known of it."""
        mine = Lease(body, now + IN_FLIGHT)
        key = projections.command_lease(command)
        value = msgspec.json.encode(mine)
        before = await answer(self._shards.of(key).set(key, value, nx=True, get=True, ex=COMMAND_LEASE))
        return msgspec.json.decode(before, type=Lease) if before else None

    async def keep(self, command: FactId, lease: Lease) -> None:
        """Remembers what was decided."""
        await self._write(projections.command_lease(command), lease)

    async def release(self, command: FactId) -> None:
        """Forgets a command that was refused: its retry is judged afresh."""
        key = projections.command_lease(command)
        await answer(self._shards.of(key).delete(key))

    async def _write(self, key: Key, lease: Lease) -> None:
        await answer(self._shards.of(key).set(key, msgspec.json.encode(lease), ex=COMMAND_LEASE))
