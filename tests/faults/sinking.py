"""`python -m tests.faults.sinking`: a real processor, by the real app, on topics, tables and views of a test's own.

Takes one JSON argument (`Orders`).
"""

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import structlog

from processors.agents import WAREHOUSE_AT_ONCE
from processors.app import Pace, make_app
from processors.portions import WHOLE
from processors.processor import Processor, Store
from processors.rules import metrics, rows
from processors.running import run
from processors.stores.projections import Projections
from processors.stores.warehouse import TABLES, Warehouse
from processors.telemetry import Telemetry
from schemas.settings import Settings
from schemas.topics import EVENTS, FACTS, Topic
from schemas.warehouse import SINK_CLAIMS, Table

SESSION_S = 6.0  # the shortest that a broker takes


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """`group` is what Kafka calls it; `prefix` stands before the names of the topics it reads."""

    group: str
    prefix: str
    partitions: int
    settings: Settings
    dataset: str = ""  # of the tables; "": it counts, instead
    instance: str = ""


def topics_of(prefix: str, partitions: int) -> tuple[Topic, Topic]:
    """Events and facts under names of the test's own."""
    events, facts = (
        msgspec.structs.replace(topic, name=prefix + topic.name, partitions_local=partitions)
        for topic in (EVENTS, FACTS)
    )
    return events, facts


def tables_of(prefix: str, dataset: str) -> Mapping[str, Table]:
    """Where rows of these topics go."""
    return {prefix + topic: msgspec.structs.replace(table, dataset=dataset) for topic, table in TABLES.items()}


def store(orders: Orders) -> Store:
    """A sink, or the live counts."""
    if not orders.dataset:
        return Projections("metrics", orders.settings.redis_url, _now)
    claims = msgspec.structs.replace(SINK_CLAIMS, dataset=orders.dataset)
    return Warehouse(orders.settings, tables_of(orders.prefix, orders.dataset), claims)


def processor(orders: Orders) -> Processor:
    """As `agents.py` has it, but for names."""
    is_sink = bool(orders.dataset)
    return Processor(
        name=cast(Any, orders.group),
        reads=topics_of(orders.prefix, orders.partitions),
        rule=rows.rows if is_sink else metrics.tallies,
        store=lambda wiring: store(orders),
        window_s=0.5 if is_sink else 0.02,
        batch=500 if is_sink else 100,
        at_once=WAREHOUSE_AT_ONCE if is_sink else WHOLE,
    )


async def main(orders: Orders) -> None:
    """Runs until it is told to stop, or killed."""
    settings = msgspec.structs.replace(orders.settings, instance=orders.instance)
    pace = Pace(look_s=0.5, commit_s=0.5, session_s=SESSION_S, dead_topic=f"{orders.prefix}dead.v1")
    telemetry = Telemetry()
    await run([make_app(processor(orders), settings, telemetry, _now, pace)], telemetry)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Orders)))
