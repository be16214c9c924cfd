"""Topics, tables and groups of a test's own on the real parts, a log to fill them from, and processes to kill."""

import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.structs import OffsetAndMetadata

from local.stack import Stack
from processors import lag
from processors.processor import Record
from processors.stores.warehouse import Warehouse
from processors.verify import Scope
from schemas import events, facts
from schemas.events import EventsRecord
from schemas.facts import UserFollowed
from schemas.ids import FactId, UserId
from schemas.settings import Settings
from schemas.topics import DEAD, Origin, Topic
from schemas.warehouse import Table
from tests import log
from tests.faults.children import Child
from tests.faults.sinking import Orders, tables_of, topics_of
from tests.processors.warehouses import Stand, a_stand, settings_of

BATCHES = (100, 500)  # events in a batch, at least and at most


@dataclass(frozen=True)
class Bench:
    """Names of the test's own: `prefix` stands before its topics, `dataset` holds its tables."""

    settings: Settings
    partitions: int
    prefix: str = field(default_factory=lambda: f"sink-{uuid4().hex[:8]}-")

    @property
    def group(self) -> str:
        """The processor as Kafka knows it."""
        return f"{self.prefix}group"

    @property
    def dead(self) -> str:
        """Its dead letters."""
        return self.prefix + DEAD.name

    @property
    def topics(self) -> tuple[Topic, Topic]:
        """Events, facts."""
        return topics_of(self.prefix, self.partitions)

    def create_topics(self) -> None:
        """They stay until the stack is reset; nobody else reads them."""
        admin = KafkaAdminClient(bootstrap_servers=self.settings.brokers)
        made = [NewTopic(topic.name, self.partitions, 1) for topic in self.topics]
        admin.create_topics([*made, NewTopic(self.dead, 1, 1, topic_configs=dict(DEAD.config))])
        admin.close()

    @contextmanager
    def producing(self) -> Iterator[KafkaProducer]:
        """To the test's topics."""
        producer = KafkaProducer(
            bootstrap_servers=self.settings.brokers, acks="all", max_request_size=2 << 20, linger_ms=5
        )
        try:
            yield producer
        finally:
            producer.close()

    def records(self, topic: Topic) -> list[Record]:
        """All that stands in one of them."""
        return log.records(self.settings, topic)

    def done(self) -> int:
        """Records that the group has committed."""
        return sum(lag.committed(self.settings, self.group).values())

    def behind(self) -> int:
        """Records that the group has not committed, those of partitions it never committed included."""
        done = lag.committed(self.settings, self.group)
        ends = {(topic.name, p): end for topic in self.topics for p, end in log.ends(self.settings, topic).items()}
        return sum(end - done.get(at, 0) for at, end in ends.items())

    def commit(self, offsets: Mapping[Origin, int]) -> None:
        """As if the group had finished all below."""
        brokers = self.settings.brokers
        consumer = KafkaConsumer(bootstrap_servers=brokers, group_id=self.group, enable_auto_commit=False)
        found = {TopicPartition(o.topic, o.partition): OffsetAndMetadata(end, "", -1) for o, end in offsets.items()}
        consumer.assign(list(found))
        consumer.commit(found)
        consumer.close()


@dataclass(frozen=True)
class Sinks:
    """A bench with tables: sinks, and what they hold."""

    bench: Bench
    stand: Stand

    @property
    def tables(self) -> Mapping[str, Table]:
        """Topic -> table."""
        return tables_of(self.bench.prefix, self.stand.claims.dataset)

    @property
    def scope(self) -> Scope:
        """What `verify` compares."""
        return Scope(self.bench.topics, self.tables, self.bench.dead, self.bench.group)

    @property
    def orders(self) -> Orders:
        """For a worker of the group."""
        bench = self.bench
        return Orders(
            group=bench.group,
            prefix=bench.prefix,
            partitions=bench.partitions,
            settings=self.stand.settings,
            dataset=self.stand.claims.dataset,
        )

    def sink(self) -> Warehouse:
        """A store in this process."""
        return Warehouse(self.stand.settings, self.tables, self.stand.claims, fenced_rest_s=0.1)

    async def ask(self, topic: Topic, columns: str) -> Mapping[str, Any]:
        """One row of aggregates over all rows of a topic."""
        table = self.tables[topic.name]
        sql = f"select {columns} from {table.path} where {table.partition_by} > timestamp '2020-01-01'"
        (row,) = await self.stand.client.query(sql)
        return row


@asynccontextmanager
async def sinks(parts: Stack, partitions: int = 4) -> AsyncIterator[Sinks]:
    """Topics, tables and claims, empty."""
    settings = settings_of(parts)
    async with a_stand(settings, partitions) as stand:
        bench = Bench(settings, partitions)
        bench.create_topics()
        await stand.client.query(
            f"update {stand.claims.path} set topic = concat(@prefix, topic) where true", prefix=bench.prefix
        )
        yield Sinks(bench, stand)


# --- what is in the log -----------------------------------------------------------------------------------------------


def event_batches(run: str, count: int, chance: random.Random, now: Callable[[], datetime]) -> Iterator[bytes]:
    """Records of so many events together, as the collector writes them; ids are `<run>-0` and so on."""
    numbers = iter(range(count))
    while batch := list(islice(numbers, chance.randint(*BATCHES))):
        raw = tuple(msgspec.Raw(_event(run, number)) for number in batch)
        yield events.encode(
            EventsRecord(app="chaos", batch_id=f"{run}-{batch[0]}", received_at=now(), key=f"p{batch[0]}", events=raw)
        )


_EVENT = (
    b'{"type":"track","event":"Photo Opened","messageId":"%b-%d","userId":"u%d",'
    b'"properties":{"n":%d,"film":"\xc3\xa9"}}'
)


def _event(run: str, number: int) -> bytes:
    return _EVENT % (run.encode(), number, number % 5_000, number)


def follows(count: int, now: Callable[[], datetime], first: int = 1) -> Iterator[bytes]:
    """So many facts, with ids 1, 2, 3 ..."""
    for number in range(first, first + count):
        by, whom = UserId(str(10**17 + number % 5_000)), UserId(str(10**17 + number % 4_999 + 6_000))
        yield facts.encode(UserFollowed(id=FactId(UUID(int=number)), at=now(), by=by, whom=whom))


def now() -> datetime:
    """The clock of these tests."""
    return datetime.now(UTC)


# --- processes --------------------------------------------------------------------------------------------------------


class Process(Child):
    """A worker; what it says goes to a file."""

    def __init__(self, orders: Orders, said: Path) -> None:
        super().__init__("tests.faults.sinking", orders, said)
        self.kills = 0
        self.start()

    def kill(self) -> None:
        """-9, counted."""
        super().kill()
        self.kills += 1

    def freeze(self, seconds: float) -> None:
        """Stands still for so long; the kernel goes on taking what others send it."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    @property
    def said(self) -> str:
        """All it has said."""
        return self._said.read_text(errors="replace")


@contextmanager
def processes(orders: Sequence[Orders], folder: Path) -> Iterator[list[Process]]:
    """Running, and gone afterwards."""
    started: list[Process] = []
    try:
        for number, each in enumerate(orders):
            started.append(Process(each, folder / f"{number}.log"))
        yield started
    finally:
        for process in started:
            process.kill()
