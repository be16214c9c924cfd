"""`python -m bench.loopback_sink ORDERS`: the warehouse's sink as it is, of a group and tables of its own.

Reads `events.v1` from its end. It asks the stack's BigQuery for its claims, and appends wherever `WAREHOUSE_EMULATOR`
of its settings says; so a benchmark can give it another append path and leave what analysts read alone.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, cast

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from local.stack import ROOT, Stack
from processors import logs
from processors.agents import PROCESSORS
from processors.processor import Processor
from processors.stores.warehouse import Warehouse
from processors.telemetry import Telemetry
from schemas.settings import Settings
from schemas.topics import EVENTS
from schemas.warehouse import EVENTS as ROWS
from schemas.warehouse import SINK_CLAIMS
from sql import ddl, warehouse

STOP_S = 40.0  # it drains


class Orders(msgspec.Struct, frozen=True):
    """`name` is its group, and the dataset of its tables."""

    name: str
    settings: Settings


@contextmanager
def sinking(stack: Stack, grpc_port: int) -> Iterator[None]:
    """Such a sink runs; it has claimed nothing before its first record."""
    settings, name = stack.settings, f"loopback_{token_hex(4)}"
    host, rest, _ = settings.warehouse_emulator.split(":")
    door = warehouse.opened(settings)
    _begin_at_end(settings, name)
    for statement in _made(name, _partitions(settings)):
        door.run(statement)
    orders = Orders(name, msgspec.structs.replace(settings, warehouse_emulator=f"{host}:{rest}:{grpc_port}"))
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.loopback_sink", msgspec.json.encode(orders).decode()], cwd=ROOT
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(STOP_S)
        for table in (ROWS.name, SINK_CLAIMS.name):
            door.run(f"drop table {name}.{table}")
        door.run(f"drop schema {name}")


def _made(dataset: str, partitions: int) -> Iterator[str]:
    rows, claims = (msgspec.structs.replace(table, dataset=dataset) for table in (ROWS, SINK_CLAIMS))
    seeds = ", ".join(f"('{EVENTS.name}', {number}, '')" for number in range(partitions))
    yield f"create schema {dataset}"
    yield ddl.create(rows)
    yield ddl.create(claims)
    yield f"insert into {claims.path} (topic, kafka_partition, stream) values {seeds}"


def _partitions(settings: Settings) -> int:
    return EVENTS.partitions_local if settings.kafka_partitions == "local" else EVENTS.partitions_production


def _begin_at_end(settings: Settings, group: str) -> None:
    """What is in the log already is none of the benchmark's."""
    consumer = KafkaConsumer(bootstrap_servers=settings.brokers, group_id=group, enable_auto_commit=False)
    partitions = [TopicPartition(EVENTS.name, number) for number in consumer.partitions_for_topic(EVENTS.name) or ()]
    ends = consumer.end_offsets(partitions)
    consumer.assign(partitions)
    consumer.commit({tp: OffsetAndMetadata(end, "", -1) for tp, end in ends.items()})
    consumer.close()


def processor(name: str) -> Processor:
    """The table's own, but for names, and for events alone: a benchmark makes no facts."""
    real = next(each for each in PROCESSORS if each.name == "warehouse")
    tables = {EVENTS.name: msgspec.structs.replace(ROWS, dataset=name)}
    claims = msgspec.structs.replace(SINK_CLAIMS, dataset=name)
    return Processor(
        name=cast(Any, name),
        reads=(EVENTS,),
        rule=real.rule,
        store=lambda wiring: Warehouse(wiring.settings, tables, claims),
        window_s=real.window_s,
        batch=real.batch,
        at_once=real.at_once,
    )


def main(orders: Orders) -> None:
    """Runs until told to stop. Faust is imported here: it would take the benchmark's `--loopback` for its `--loop`."""
    from processors.app import make_app
    from processors.running import run

    logs.configure()
    telemetry = Telemetry()

    async def serve() -> None:
        await run([make_app(processor(orders.name), orders.settings, telemetry, _now)], telemetry)

    asyncio.run(serve())


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the composition root of a process


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Orders))
