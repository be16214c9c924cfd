"""`python -m processors verify`: what the log holds against what BigQuery holds, row by row, as a ledger.

By topic, partition, offset and index, minus dead letters. The order in which it asks is what makes it right while the
sink runs: the log's ends first, then what is committed and what is dead, and BigQuery last; so whatever lies below the
committed offset must be stored by then.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import msgspec

from processors import dead, lag, log
from processors.ledger import Ledger
from processors.log import Log, Span
from processors.rules.due import due, ids
from processors.rules.ledger import Due, Place, judge
from processors.stores.dead_letters import is_for
from processors.stores.warehouse import TABLES
from processors.stores.warehouse_claims import FIRST_DAY
from processors.stores.warehouse_client import Client
from schemas.events import EventsRecord
from schemas.facts import Fact
from schemas.settings import Settings
from schemas.topics import DEAD, EVENTS, FACTS, Topic
from schemas.warehouse import Table

AT_ONCE = 10_000  # records that are held in memory, and asked for with one query
ANSWER_S = 120.0  # nobody waits for a ledger but its reader; a warehouse that is busy may take its time
TELL_EVERY_S = 5.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Scope:
    """What is compared: the sink's topics and where their rows go. Tests have topics and tables of their own."""

    topics: tuple[Topic, ...] = (EVENTS, FACTS)
    tables: Mapping[str, Table] = field(default_factory=lambda: TABLES)
    dead: str = DEAD.name
    group: str = "warehouse"


@dataclass
class Progress:
    """A line now and then for whoever waits: a million records take minutes."""

    say: Say
    clock: Callable[[], float] = monotonic
    total: int = 0
    done: int = 0
    _said_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._said_at = self.clock()

    def add(self, offsets: int) -> None:
        """So many more are compared."""
        self.done += offsets
        if self.clock() - self._said_at >= TELL_EVERY_S:
            self._said_at = self.clock()
            self.say(f"compared {self.done:,} of {self.total:,} records")


@dataclass(frozen=True)
class _Question:
    """All that is asked before BigQuery, and the doors."""

    scope: Scope
    log: Log
    client: Client
    committed: Mapping[tuple[str, int], int]
    dead: Mapping[tuple[str, int], set[int]]
    progress: Progress


async def told(settings: Settings, since: datetime | None, say: Say, meanwhile: Say, scope: Scope | None = None) -> int:
    """Says the ledger; the exit code is 1 when something is lost, doubled or unknown to the log."""
    ledger = await verify(settings, since, scope, Progress(meanwhile))
    say(str(ledger))
    return 0 if ledger.holds() else 1


async def verify(
    settings: Settings, since: datetime | None = None, scope: Scope | None = None, progress: Progress | None = None
) -> Ledger:
    """The ledger of what was appended to the log since then (None: of all that the log still has)."""
    scope, progress = scope or Scope(), progress or Progress(lambda line: None)
    ledger, client = Ledger(), Client(settings, ANSWER_S)
    try:
        with log.opened(settings) as opened:
            spans = [(topic, opened.spans(topic.name, since)) for topic in scope.topics]
            progress.total = sum(span.end - span.first for _, of in spans for span in of.values())
            committed, buried = lag.committed(settings, scope.group), _buried(settings, scope)
            asked = _Question(scope, opened, client, committed, buried, progress)
            for topic, numbers in spans:
                for number, span in sorted(numbers.items()):
                    await _compare(ledger, asked, topic, number, span)
            _name(ledger, asked)
    finally:
        await client.close()
    return ledger


async def _compare(ledger: Ledger, asked: _Question, topic: Topic, number: int, span: Span) -> None:
    """Adds the lines of one partition."""
    at, table = (topic.name, number), asked.scope.tables[topic.name]
    for wanted, part in _chunks(asked.log, topic, number, span, asked.scope.group):
        stored = await _stored(asked.client, table, number, wanted, part)
        for hour, line in judge(*at, wanted, stored, asked.dead.get(at, ()), asked.committed.get(at, 0)):
            ledger.lines[*at, hour].add(line)
        asked.progress.add(part.end - part.first)


def _name(ledger: Ledger, asked: _Question) -> None:
    """Finds the ids of what will be shown."""
    for place in {place for kind, place in ledger.shown() if kind != "strange"}:
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


def _chunks(log: Log, topic: Topic, number: int, span: Span, group: str) -> Iterator[tuple[dict[int, Due], Span]]:
    """What is due of a partition's records, so many at a time, with the part of the partition they lie in."""
    wanted: dict[int, Due] = {}
    first, end = span
    for record in log.records(topic.name, number, span):
        wanted[record.offset] = _due(topic, record, group)
        if len(wanted) == AT_ONCE:
            yield wanted, Span(first, record.offset + 1)
            wanted, first = {}, record.offset + 1
    if first < end:
        yield wanted, Span(first, end)


def _due(topic: Topic, record: Any, group: str) -> Due:
    hour = datetime.fromtimestamp(record.timestamp // 3_600_000 * 3600, UTC)  # Kafka's clock: appended, not received
    if not is_for(group, record.headers):
        return Due(hour, ())
    try:
        return due(_value(topic, record))
    except (msgspec.MsgspecError, ValueError):
        return Due(hour, (), readable=False)


def _id(asked: _Question, place: Place) -> str:
    """The id of what stands at this place of the log."""
    at = place.origin
    topic = next(topic for topic in asked.scope.topics if topic.name == at.topic)
    record = next(asked.log.records(at.topic, at.partition, Span(at.offset, at.offset + 1)))
    try:
        return ids(_value(topic, record)).get(place.index, "(no such place)")
    except (msgspec.MsgspecError, ValueError):
        return "(unreadable)"


def _value(topic: Topic, record: Any) -> Fact | EventsRecord:
    value: Any = topic.decode(record.key, record.value)
    return value  # type: ignore[no-any-return]  # the sink reads events and facts


# --- BigQuery ---------------------------------------------------------------------------------------------------------


async def _stored(
    client: Client, table: Table, partition: int, wanted: Mapping[int, Due], part: Span
) -> dict[int, Counter[int]]:
    """How often each index stands there, by offset. A record's rows lie in the hour of the record, or after it."""
    index = "cast(batch_index as string)" if any(c.name == "batch_index" for c in table.columns) else "'0'"
    oldest = min((record.hour for record in wanted.values()), default=FIRST_DAY)
    found = await client.query(
        f"select kafka_offset, string_agg({index}, ',') as places from {table.path}"  # noqa: S608 - our own names
        f" where `{table.partition_by}` >= @since and kafka_partition = {partition}"
        f" and kafka_offset between {part.first} and {part.end - 1} group by kafka_offset",
        since=oldest,
    )
    return {int(row["kafka_offset"]): Counter(map(int, str(row["places"]).split(","))) for row in found}
