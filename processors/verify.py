"""`python -m processors verify`: the delivery ledger. What the log holds against what BigQuery holds, row by row.

By topic, partition, offset and index, minus dead letters. The order in which it asks is what makes it right while the
sink runs: the log's ends first, then what is committed and what is dead, and BigQuery last; so whatever lies below the
committed offset must be stored by then.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from processors import dead, lag
from processors.rules.ledger import NO_HOUR, Due, Line, Place, judge
from processors.stores.dead_letters import is_for
from processors.stores.warehouse import TABLES
from processors.stores.warehouse_claims import FIRST_DAY
from processors.stores.warehouse_client import Client
from schemas import events
from schemas.events import EventsRecord
from schemas.facts import Fact
from schemas.settings import Settings
from schemas.topics import DEAD, EVENTS, FACTS, Topic
from schemas.warehouse import Table

AT_ONCE = 10_000  # records that are held in memory, and asked for with one query
SHOWN = 100  # ids of each kind
POLL_MS = 1_000
HEADS = ("topic", "partition", "hour", "records", "rows", "stored", "dead", "waiting", "lost", "doubled", "strange")

Key = tuple[str, int, datetime]


@dataclass(frozen=True)
class Scope:
    """What is compared: the sink's topics and where their rows go. Tests have topics and tables of their own."""

    topics: tuple[Topic, ...] = (EVENTS, FACTS)
    tables: Mapping[str, Table] = field(default_factory=lambda: TABLES)
    dead: str = DEAD.name
    group: str = "warehouse"


@dataclass
class Ledger:
    """Lines by topic, partition and hour (UTC), and the ids of what is lost or doubled."""

    lines: defaultdict[Key, Line] = field(default_factory=lambda: defaultdict(Line))
    ids: dict[Place, str] = field(default_factory=dict)

    def all(self, kind: str) -> list[Place]:
        """Every place that is `lost`, `doubled` or `strange`."""
        return sorted(place for line in self.lines.values() for place in getattr(line, kind))

    def holds(self) -> bool:
        """Whether every row that must be there is there, once, and no other."""
        return not any(self.all(kind) for kind in ("lost", "doubled", "strange"))

    def __str__(self) -> str:
        rows = [HEADS, *(_row(key, line) for key, line in sorted(self.lines.items()))]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
        table = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
        shown = [f"{kind:9}{place}  {self.ids.get(place, '')}".rstrip() for kind, place in self._shown()]
        return "\n".join([*table, self.summary, *shown])

    @property
    def summary(self) -> str:
        """All of it in one line."""
        lost, doubled, strange = (self.all(kind) for kind in ("lost", "doubled", "strange"))
        waiting = sum(line.waiting for line in self.lines.values())
        also = f", {waiting} waiting" * bool(waiting) + f", {len(strange)} unknown to the log" * bool(strange)
        return f"lost {len(lost)}, duplicated {len(doubled)}{also}"

    def _shown(self) -> Iterator[tuple[str, Place]]:
        for kind in ("lost", "doubled", "strange"):
            yield from ((kind, place) for place in self.all(kind)[:SHOWN])


def _row(key: Key, line: Line) -> tuple[str, ...]:
    topic, partition, hour = key
    told = "(no hour)" if hour == NO_HOUR else hour.strftime("%Y-%m-%dT%H")
    numbers = (line.records, line.due, line.stored, line.dead, line.waiting)
    return topic, str(partition), told, *map(str, (*numbers, len(line.lost), len(line.doubled), len(line.strange)))


@dataclass(frozen=True)
class _Question:
    """All that is asked before BigQuery, and the doors."""

    scope: Scope
    consumer: KafkaConsumer
    client: Client
    committed: Mapping[tuple[str, int], int]
    dead: Mapping[tuple[str, int], set[int]]


async def verify(settings: Settings, since: datetime | None = None, scope: Scope | None = None) -> Ledger:
    """The ledger of what was appended to the log since then (None: of all that the log still has)."""
    scope = scope or Scope()
    ledger, client = Ledger(), Client(settings)
    try:
        with _consumer(settings) as consumer:
            spans = [(topic, _spans(consumer, topic.name, since)) for topic in scope.topics]
            asked = _Question(scope, consumer, client, lag.committed(settings, scope.group), _buried(settings, scope))
            for topic, numbers in spans:
                for number, span in sorted(numbers.items()):
                    await _compare(ledger, asked, topic, number, span)
            _name(ledger, asked)
    finally:
        await client.close()
    return ledger


async def _compare(ledger: Ledger, asked: _Question, topic: Topic, number: int, span: tuple[int, int]) -> None:
    """Adds the lines of one partition."""
    at, table = (topic.name, number), asked.scope.tables[topic.name]
    for due, offsets in _chunks(asked.consumer, topic, number, span, asked.scope.group):
        stored = await _stored(asked.client, table, number, due, offsets)
        for hour, line in judge(*at, due, stored, asked.dead.get(at, ()), asked.committed.get(at, 0)):
            ledger.lines[*at, hour].add(line)


def _name(ledger: Ledger, asked: _Question) -> None:
    """Finds the ids of what will be shown."""
    for place in {place for kind in ("lost", "doubled") for place in ledger.all(kind)[:SHOWN]}:
        ledger.ids[place] = _id(asked, place)


def _buried(settings: Settings, scope: Scope) -> defaultdict[tuple[str, int], set[int]]:
    """Offsets of the sink's dead letters, by topic and partition."""
    found: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    for each in dead.read(settings, scope.dead):
        if each.processor == scope.group:
            origin = each.letter.record.origin
            found[origin.topic, origin.partition].add(origin.offset)
    return found


# --- the log ----------------------------------------------------------------------------------------------------------


@contextmanager
def _consumer(settings: Settings) -> Iterator[KafkaConsumer]:
    """Of no group: it commits nothing."""
    brokers = settings.kafka_brokers.split(",")
    consumer = KafkaConsumer(bootstrap_servers=brokers, group_id=None, enable_auto_commit=False)
    try:
        yield consumer
    finally:
        consumer.close()


def _spans(consumer: KafkaConsumer, topic: str, since: datetime | None) -> dict[int, tuple[int, int]]:
    """First offset and end by partition; the first of those appended since then, if that is given."""
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    starts, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    if since is not None:
        found = consumer.offsets_for_times(dict.fromkeys(partitions, int(since.timestamp() * 1000)))
        starts = {tp: found[tp].offset if found.get(tp) else ends[tp] for tp in partitions}
    return {tp.partition: (starts[tp], ends[tp]) for tp in partitions}


def _chunks(
    consumer: KafkaConsumer, topic: Topic, number: int, span: tuple[int, int], group: str
) -> Iterator[tuple[dict[int, Due], tuple[int, int]]]:
    """What is due of a partition's records, so many at a time, with the first and last offset asked for."""
    due: dict[int, Due] = {}
    first, end = span
    for record in _records(consumer, TopicPartition(topic.name, number), first, end):
        due[record.offset] = _due(topic, record, group)
        if len(due) == AT_ONCE:
            yield due, (first, record.offset)
            due, first = {}, record.offset + 1
    if first < end:
        yield due, (first, end - 1)


def _records(consumer: KafkaConsumer, tp: TopicPartition, start: int, end: int) -> Iterator[Any]:
    consumer.assign([tp])
    consumer.seek(tp, start)
    while consumer.position(tp) < end:
        for record in (each for batch in consumer.poll(timeout_ms=POLL_MS).values() for each in batch):
            if record.offset < end:
                yield record


def _due(topic: Topic, record: Any, group: str) -> Due:
    hour = datetime.fromtimestamp(record.timestamp // 3_600_000 * 3600, UTC)  # Kafka's clock: appended, not received
    if not is_for(group, record.headers):
        return Due(hour, ())
    try:
        value = topic.decode(record.key, record.value)
        return Due(_accepted(value).replace(minute=0, second=0, microsecond=0), tuple(_ids(value)))
    except (msgspec.MsgspecError, ValueError):
        return Due(hour, (), readable=False)


def _accepted(value: object) -> datetime:
    match value:
        case EventsRecord():
            return value.received_at.astimezone(UTC)
        case _:
            fact: Fact = value  # type: ignore[assignment]  # the sink reads events and facts
            return fact.at.astimezone(UTC)


def _ids(value: object) -> dict[int, str]:
    """Event or fact id by place."""
    if isinstance(value, EventsRecord):
        return {index: events.event_id(value, index, event) for index, event in events.indexed(value)}
    fact: Fact = value  # type: ignore[assignment]
    return {0: str(fact.id)}


def _id(asked: _Question, place: Place) -> str:
    """The id of what stands at this place of the log."""
    at = place.origin
    topic = next(topic for topic in asked.scope.topics if topic.name == at.topic)
    record = next(_records(asked.consumer, TopicPartition(at.topic, at.partition), at.offset, at.offset + 1))
    try:
        return _ids(topic.decode(record.key, record.value)).get(place.index, "(no such place)")
    except (msgspec.MsgspecError, ValueError):
        return "(unreadable)"


# --- BigQuery ---------------------------------------------------------------------------------------------------------


async def _stored(
    client: Client, table: Table, partition: int, due: Mapping[int, Due], offsets: tuple[int, int]
) -> dict[int, Counter[int]]:
    """How often each index stands there, by offset. A record's rows lie in the hour of the record, or after it."""
    index = "cast(batch_index as string)" if any(c.name == "batch_index" for c in table.columns) else "'0'"
    oldest = min((record.hour for record in due.values()), default=FIRST_DAY)
    found = await client.query(
        f"select kafka_offset, string_agg({index}, ',') as places from {table.path}"  # noqa: S608 - our own names
        f" where `{table.partition_by}` >= @since and kafka_partition = {partition}"
        f" and kafka_offset between {offsets[0]} and {offsets[1]} group by kafka_offset",
        since=oldest,
    )
    return {int(row["kafka_offset"]): Counter(map(int, str(row["places"]).split(","))) for row in found}
