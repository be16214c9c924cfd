"""Rows into BigQuery exactly once, whatever dies: fence, claim, ask, append.

A *lease* is one append stream that has claimed partitions of one topic. It is taken lazily, with the first records, and
forgotten at the first doubt; the next one asks what is stored. Nothing is ever guessed from an error.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

from processors.processor import Effects, Poison
from processors.stores.warehouse_claims import Claims, Fenced
from processors.stores.warehouse_client import Client
from processors.stores.warehouse_lease import Flight, Lease
from processors.stores.warehouse_rows import Record, oldest, records, requests, schema
from schemas import topics
from schemas.settings import Settings
from schemas.topics import Origin
from schemas.warehouse import EVENTS, FACTS, SINK_CLAIMS, Table

TABLES: Mapping[str, Table] = {topics.EVENTS.name: EVENTS, topics.FACTS.name: FACTS}
FENCED_REST_S = 2.5  # longer than a heartbeat: a worker that lost its partitions has learnt of it by then

Step = Literal["read", "fence", "claim", "ask", "append", "wait", "done"]
Partition = tuple[str, int]


async def _go_on(step: Step) -> None:
    """What happens between two steps, outside tests: nothing."""


class Ahead(Exception):
    """The warehouse holds offsets that the log has not reached: the log was wiped and the warehouse was not."""


class Drifted(Exception):
    """The table lacks a column that we write, or has it of another type: no record is at fault, and none dies."""


class Warehouse:
    """The sink's store: one per worker, of one event loop. `tables` says where a topic's rows go.

    `before` is awaited before each step; the interleaving test freezes sinks there.
    """

    def __init__(
        self,
        settings: Settings,
        tables: Mapping[str, Table] = TABLES,
        claims: Table = SINK_CLAIMS,
        fenced_rest_s: float = FENCED_REST_S,
        before: Callable[[Step], Awaitable[None]] = _go_on,
        claims_of: Callable[..., Claims] = Claims,
    ) -> None:
        self._settings = settings
        self._tables = tables
        self._schemas = {topic: schema(table) for topic, table in tables.items()}
        self._claims_table = claims
        self._claims_of = claims_of
        self._fenced_rest_s = fenced_rest_s
        self._before = before
        self._client: Client | None = None
        self._claims: dict[str, Claims] = {}
        self._leases: dict[str, Lease] = {}
        self._assigned: frozenset[Partition] = frozenset()
        self._rest_s = 0.0

    async def open(self) -> None:
        """Makes the clients, and finds the claims seeded: `NotSeeded` when one of the topics has none at all."""
        self._client = self._client or Client(self._settings)
        for topic, table in self._tables.items():
            self._claims[topic] = self._claims_of(self._client, topic, table, self._claims_table)
            await self._claims[topic].read([0])

    async def progress(self) -> Mapping[Partition, int] | None:
        """Kafka's committed offset decides; what is stored already is found out with every lease."""
        return None

    async def refuse_if_ahead(self, end_offsets: Mapping[Partition, int], now: datetime) -> None:
        """`Ahead` when something is stored at or above the end (next offset) of its partition; call it after `open`."""
        for topic, claims in self._claims.items():
            ends = {partition: end for (name, partition), end in end_offsets.items() if name == topic}
            if beyond := ahead(await claims.stored(ends, claims.since(now)), ends):
                raise Ahead(f"{claims.table.path} holds more of {topic} than the log: {beyond}; wipe both or neither")

    def forget(self, assigned: Collection[Partition] = ()) -> None:
        """Drops the leases: call it when partitions were assigned or revoked, from the event loop.

        The next leases claim all of `assigned` at once; without it they grow with the partitions of the records.
        """
        self._assigned = frozenset(assigned)
        self._rest_s = 0.0
        for topic in list(self._leases):
            self._drop(topic)

    async def apply(self, effects: Sequence[Effects]) -> None:
        """The rows stand in their tables once. `Poison` for records that BigQuery will never take.

        The loop must have the poisoned records in the dead letters *before* it applies their successors: a successor's
        offset is what says, after a crash, that they are done.
        """
        for topic in dict.fromkeys(each.origin.topic for each in effects):
            if found := records(each for each in effects if each.origin.topic == topic):
                await self._apply(topic, found)

    async def _apply(self, topic: str, found: Sequence[Record]) -> None:
        partitions = frozenset(record.origin.partition for record in found)
        lease = await self._lease(topic, partitions, oldest(found, self._tables[topic]))
        try:
            await self._append(lease, topic, [record for record in found if lease.lacks(record.origin)])
        except Poison:
            raise  # the stream stands where we think it does
        except BaseException:  # cancellation too: from here on nobody knows what the stream holds
            self._drop(topic)
            raise

    async def _lease(self, topic: str, partitions: frozenset[int], oldest: datetime) -> Lease:
        """The lease we have, if it covers these partitions and times; else a new one that covers it, too."""
        lease = self._leases.get(topic)
        if lease and partitions <= lease.partitions and oldest >= lease.since:
            return lease
        held = lease.partitions if lease else frozenset()
        self._drop(topic)
        assigned = {partition for name, partition in self._assigned if name == topic}
        self._leases[topic] = await self._take_over(
            topic, partitions | held | assigned, self._claims[topic].since(oldest)
        )
        return self._leases[topic]

    async def _take_over(self, topic: str, partitions: frozenset[int], since: datetime) -> Lease:
        """A fresh stream with every attempt; a stream whose fate is unknown is never used again."""
        assert self._client is not None, "apply before open"
        claims = self._claims[topic]
        await asyncio.sleep(self._rest_s)
        self._rest_s = 0.0
        await self._before("read")
        old, stream = await asyncio.gather(claims.read(partitions), self._client.create(claims.table))
        await self._before("fence")
        await claims.fence(old)
        await self._before("claim")
        await claims.claim(old, stream)
        await self._before("ask")
        try:
            stored = await claims.ask(partitions, stream, since)
        except Fenced:
            self._rest_s = self._fenced_rest_s
            raise
        return Lease(self._client.append_stream(stream, self._schemas[topic]), partitions, since, stored)

    async def _append(self, lease: Lease, topic: str, lacking: Sequence[Record]) -> None:
        """Nothing is sent behind a record that is refused: first the dead letters must have it."""
        flight, unfit = Flight(lease), dict[Origin, str]()
        await self._before("append")
        for request in requests(lacking, self._schemas[topic], unfit.__setitem__):
            if unfit or flight.refused:
                break
            await flight.send(request)
        await self._before("wait")
        await flight.landed()
        await self._before("done")
        if flight.refused:
            await self._refuse_if_drifted(topic)
        if refused := flight.refused | unfit:
            raise Poison(refused)

    async def _refuse_if_drifted(self, topic: str) -> None:
        """`Drifted` when BigQuery refuses rows because of the table; the loop tries again until that is mended."""
        assert self._client is not None, "apply before open"
        table = self._tables[topic]
        if wrong := drift(table, await self._client.columns(table)):
            raise Drifted(f"{table.path} is not what we write: {wrong}; mend the table (python -m sql apply)")

    def _drop(self, topic: str) -> None:
        if lease := self._leases.pop(topic, None):
            lease.stream.drop()

    async def close(self) -> None:
        """Drops the leases and hangs up; the next sink fences what we leave behind."""
        self.forget()
        if self._client:
            await self._client.close()
            self._client = None


def ahead(stored: Mapping[int, int], ends: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """Partitions whose highest stored offset is not below the log's end (its next offset): (stored, end)."""
    return {p: (stored[p], end) for p, end in ends.items() if p in stored and stored[p] >= end}


def drift(table: Table, there: Mapping[str, str]) -> dict[str, str]:
    """Our columns that the table has not got, or of another type: what it has instead ("" when nothing)."""
    return {
        column.name: there.get(column.name, "") for column in table.columns if there.get(column.name) != column.type
    }
