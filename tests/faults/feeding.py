"""`python -m tests.faults.feeding`: views or feeds, by the real app, on a topic and servers of a test's own.

Takes one JSON argument (`Orders`). Its clock stands: what is sealed then is sealed when the test looks.
"""

import asyncio
import contextlib
import sys
from datetime import datetime
from typing import Any, cast

import msgspec
import structlog

from processors.app import Pace, make_app
from processors.processor import Processor
from processors.rules import feeds, views
from processors.running import run
from processors.stores.projections import Projections
from processors.telemetry import Telemetry
from schemas.projections import Processor as Name
from schemas.settings import Settings
from schemas.topics import FACTS, Topic

SESSION_S = 6.0  # the shortest that a broker takes


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """`prefix` stands before the names of the topic and of the group; `now` is where the clock stands."""

    processor: Name
    prefix: str
    partitions: int
    settings: Settings
    now: datetime


def topic_of(prefix: str, partitions: int) -> Topic:
    """Facts, under a name of the test's own."""
    return msgspec.structs.replace(FACTS, name=prefix + FACTS.name, partitions_local=partitions)


def processor(orders: Orders) -> Processor:
    """As `agents.py` has it, but for names and the clock."""
    return Processor(
        name=cast(Any, orders.prefix + orders.processor),
        reads=(topic_of(orders.prefix, orders.partitions),),
        rule=views.changes if orders.processor == "views" else feeds.changes,
        store=lambda wiring: Projections(orders.processor, orders.settings.redis_url, lambda: orders.now),
    )


async def main(orders: Orders) -> None:
    """Runs until it is killed."""
    settings = msgspec.structs.replace(orders.settings, instance="one")
    pace = Pace(look_s=0.5, commit_s=0.2, session_s=SESSION_S, dead_topic=f"{orders.prefix}dead.v1")
    telemetry = Telemetry()
    await run([make_app(processor(orders), settings, telemetry, lambda: orders.now, pace)], telemetry)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Orders)))
