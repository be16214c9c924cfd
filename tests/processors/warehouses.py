"""A warehouse of a test's own on the real emulator: fresh tables, seeded claims, and sinks that a test can freeze."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import msgspec

from local.stack import Stack
from processors.intents import Row
from processors.processor import Effects, Poison
from processors.rules.rows import rows
from processors.stores.warehouse import TABLES, Step, Warehouse
from processors.stores.warehouse_claims import Claims
from processors.stores.warehouse_client import Client
from schemas import topics as declared
from schemas.events import EventsRecord
from schemas.facts import Fact
from schemas.settings import Settings
from schemas.topics import Origin
from schemas.warehouse import SINK_CLAIMS, Table
from sql import ddl

EVENTS_TOPIC, FACTS_TOPIC = declared.EVENTS.name, declared.FACTS.name


def settings_of(parts: Stack) -> Settings:
    """The test stack's, but for the project: beside the stack's own, so that neither sees the other's rows."""
    return msgspec.structs.replace(parts.settings, warehouse_project="sink-tests")


@dataclass(frozen=True)
class Stand:
    """Tables under names of their own, so that tests share an emulator and nothing else."""

    settings: Settings
    client: Client
    tables: dict[str, Table]
    claims: Table

    def sink(self, before: Callable[[Step], Awaitable[None]] | None = None, claims_of: Any = Claims) -> Warehouse:
        """Another worker's store."""
        watched = {"before": before} if before else {}
        return Warehouse(self.settings, self.tables, self.claims, fenced_rest_s=0.1, claims_of=claims_of, **watched)

    async def stored(self, topic: str = EVENTS_TOPIC) -> list[tuple[int, int, int]]:
        """(partition, offset, index) of every row, sorted; facts have index 0."""
        table = self.tables[topic]
        index = "batch_index" if table.name.startswith("events") else "0"
        found = await self.client.query(
            f"select kafka_partition as p, kafka_offset as o, {index} as i from {table.path}"
            f" where {table.partition_by} > timestamp '2020-01-01'"
        )
        return sorted((int(row["p"]), int(row["o"]), int(row["i"])) for row in found)


@asynccontextmanager
async def a_stand(
    settings: Settings, partitions: int = 4, topics: Sequence[str] = (EVENTS_TOPIC, FACTS_TOPIC)
) -> AsyncIterator[Stand]:
    """Makes the tables in a dataset of the test's own, and seeds the topics' claims. The stack's reset drops them."""
    client, dataset = Client(settings), f"test_{uuid4().hex[:12]}"
    tables = {topic: msgspec.structs.replace(TABLES[topic], dataset=dataset) for topic in topics}
    claims = msgspec.structs.replace(SINK_CLAIMS, dataset=dataset)
    pairs = ", ".join(f"('{topic}', {p}, '')" for topic in tables for p in range(partitions))
    seeds = f"insert into {claims.path} (topic, kafka_partition, stream) values {pairs}"
    made = [ddl.create(table) for table in (*tables.values(), claims)]
    await client.query(";\n".join([f"create schema {dataset}", *made, seeds]))
    try:
        yield Stand(settings, client, tables, claims)
    finally:
        await client.close()


@asynccontextmanager
async def opened(*sinks: Warehouse) -> AsyncIterator[None]:
    """The sinks, open; closed at the end whatever happens."""
    try:
        for sink in sinks:
            await sink.open()
        yield
    finally:
        for sink in sinks:
            await sink.close()


def effects_of(value: Fact | EventsRecord, offset: int, partition: int = 0) -> Effects:
    """What the rule wants of a record that stands at this offset."""
    topic = EVENTS_TOPIC if isinstance(value, EventsRecord) else FACTS_TOPIC
    return Effects(Origin(topic, partition, offset), tuple(rows(value)))


def spoilt(effects: Effects, index: int = 0, **values: object) -> Effects:
    """The same record with other values in one of its rows."""
    intents = list(effects.intents)
    row = intents[index]
    assert isinstance(row, Row)
    intents[index] = Row(row.table, {**row.values, **values})
    return Effects(effects.origin, tuple(intents))


async def apply_as_the_loop_does(sink: Warehouse, batch: Sequence[Effects], turns: int = 40) -> dict[Origin, str]:
    """Applies until it succeeds; gives the dead letters. The loop's retry, in short."""
    dead: dict[Origin, str] = {}
    for turn in count():
        try:
            async with asyncio.timeout(20):
                await sink.apply([each for each in batch if each.origin not in dead])
                return dead
        except Poison as poison:
            dead.update(poison.refused)
        except Exception:
            if turn >= turns:
                raise
            await asyncio.sleep(min(0.05 * 2**turn, 0.5))
    raise AssertionError("unreachable")


def positions(batches: Iterable[Effects]) -> list[tuple[int, int, int]]:
    """What must stand in the table when these records do: (partition, offset, index), once each."""
    return sorted(
        (each.origin.partition, each.origin.offset, int(str(intent.values.get("batch_index", 0))))
        for each in batches
        for intent in each.intents
        if isinstance(intent, Row)
    )
