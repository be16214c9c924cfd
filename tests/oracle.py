"""The oracle: what must be true of the whole system once it is quiet, whatever was done to it.

Reads the log past everything of ours, BigQuery by SQL, and Redis key by key; replays the log through the rules into the
twin. Nothing here trusts what a room says of itself.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import redis
import redis.asyncio

from bench.traffic import Ledger
from processors.agents import PROCESSORS
from processors.intents import Intent
from processors.processor import Effects, nothing
from schemas import events, facts, projections
from schemas.settings import Settings
from schemas.topics import DEAD, EVENTS, FACTS, Origin
from sql import warehouse
from tests import log
from tests.processors.answers import Answers
from tests.twins.projections import ProjectionsTwin
from tests.waiting import eventually

IN_REDIS = [processor for processor in PROCESSORS if processor.name in ("views", "feeds", "metrics")]
Position = tuple[int, int, int]  # partition, offset, index in the client's batch


def check(settings: Settings, ledger: Ledger) -> None:
    """Waits until the system is quiet, then asserts every promise; the message shows what broke it."""
    wait_until_quiet(settings)
    logged = logged_events(settings)
    ids = Counter(logged.values())
    assert ledger.accepted <= set(ids), f"accepted, not in the log: {sorted(ledger.accepted - set(ids))[:5]}"
    assert not ledger.refused & set(ids), "refused, yet in the log"
    stored = stored_events(settings)
    assert Counter(logged.keys()) == Counter(row[:3] for row in stored), "BigQuery is not the log, position by position"
    assert {row[3] for row in stored} == set(ids), "BigQuery's distinct ids are not the log's"
    assert stored_facts(settings) == Counter(logged_positions(settings)), "BigQuery's facts are not the log's"
    assert log.records(settings, DEAD) == [], "nothing sent was poison, so nothing may be dead"


def wait_until_quiet(settings: Settings, *, within_s: float = 90) -> None:
    """Until the views' progress stands at the log's end and BigQuery has as many rows as the log."""
    with redis.Redis.from_url(settings.redis_url, decode_responses=True) as server:
        eventually(lambda: undeveloped(settings) == set(), within_s=within_s, every_s=0.5)
        eventually(lambda: behind(settings, server) == {}, within_s=within_s, every_s=0.5)
    events_logged, facts_logged = len(logged_events(settings)), len(logged_positions(settings))
    eventually(
        lambda: len(stored_events(settings)) >= events_logged and stored_facts(settings).total() >= facts_logged,
        within_s=within_s,
        every_s=1,
    )


def undeveloped(settings: Settings) -> set[str]:
    """Photos that were captured and neither developed nor spoiled."""
    waiting: set[str] = set()
    for record in log.records(settings, FACTS):
        match facts.decode(record.value):
            case facts.PhotoCaptured() as fact:
                waiting.add(fact.photo)
            case facts.PhotoDeveloped() | facts.PhotoSpoiled() as fact:
                waiting.discard(fact.photo)
    return waiting


def behind(settings: Settings, server: Any) -> dict[str, int]:
    """Records that each view has not applied yet, by `processor topic:partition`."""
    found = {}
    for processor in IN_REDIS:
        told = server.hgetall(projections.progress(processor.name))
        for topic in processor.reads:
            for partition, end in log.ends(settings, topic).items():
                if (lag := end - int(told.get(f"{topic.name}:{partition}", 0))) > 0:
                    found[f"{processor.name} {topic.name}:{partition}"] = lag
    return found


def logged_events(settings: Settings) -> dict[Position, str]:
    """Event id by position, as the log has it."""
    found: dict[Position, str] = {}
    for record in log.records(settings, EVENTS):
        envelope = events.decode(record.value)
        for index, event in events.indexed(envelope):
            position = (record.origin.partition, record.origin.offset, index)
            found[position] = events.event_id(envelope, index, event)
    return found


def stored_events(settings: Settings) -> list[tuple[int, int, int, str]]:
    """Partition, offset, index and event id of every row, doubles included."""
    columns = "kafka_partition, kafka_offset, batch_index, event_id"
    rows = warehouse.opened(settings).df(f"SELECT {columns} FROM raw.events_v1 WHERE received_at > '2020-01-01'")
    return [(int(row[0]), int(row[1]), int(row[2]), str(row[3])) for row in rows.itertuples(index=False)]


def logged_positions(settings: Settings) -> list[tuple[int, int]]:
    """Partition and offset of every fact."""
    return [(record.origin.partition, record.origin.offset) for record in log.records(settings, FACTS)]


def stored_facts(settings: Settings) -> Counter[tuple[int, int]]:
    """Partition and offset of every fact's row, with how often it stands there."""
    rows = warehouse.opened(settings).df(
        "SELECT kafka_partition, kafka_offset FROM raw.facts_v1 WHERE accepted_at > '2020-01-01'"
    )
    return Counter((int(row[0]), int(row[1])) for row in rows.itertuples(index=False))


async def replayed(settings: Settings) -> ProjectionsTwin:
    """The twin after the whole log went through the rules, partition by partition."""
    twin = ProjectionsTwin(lambda: datetime.now(UTC))
    said = [facts.decode(record.value) for record in log.records(settings, FACTS)]
    # what `metrics` must know
    gone = {str(fact.by): fact.at for fact in reversed(said) if isinstance(fact, facts.UserErased)}
    for processor in IN_REDIS:
        for topic in processor.reads:
            for record in log.records(settings, topic):
                value: Any = topic.decode(record.key, record.value)
                known = () if processor.known is nothing else (gone.get(getattr(value, "key", "")),)
                wanted: tuple[Intent, ...] = tuple(processor.rule(value, *known))  # type: ignore[arg-type]
                origin = Origin(f"{processor.name} {topic.name}", record.origin.partition, record.origin.offset)
                await twin.apply([Effects(origin, wanted)])
    return twin


VIEWS = {
    "u", "fg", "fr", "rq", "bk", "bb", "mu", "up", "ur", "n", "r", "rm", "rx", "rp", "i", "p", "lk", "co", "cd", "cm",
    "vm", "vo", "vs", "vt", "vr", "vi", "pw", "se", "ss", "fa", "m", "act",
}  # fmt: skip # kinds of keys


async def check_views(settings: Settings) -> None:
    """Every view and every feed in Redis is what a replay of the log gives."""
    twin = await replayed(settings)
    async with redis.asyncio.Redis.from_url(settings.redis_url, decode_responses=True) as server:
        live = Answers(server, lambda: datetime.now(UTC))
        expected = await twin.views() | await sketched(server, twin)
        different = differing(only_views(await live.views()), only_views(expected))
        assert not different, f"views that are not their replay, as (live, replayed): {different}"
        for record in log.records(settings, FACTS):
            fact = facts.decode(record.value)
            if isinstance(fact, facts.UserRegistered):
                assert await live.feed(fact.by) == await twin.feed(fact.by), f"the feed of {fact.by}"


async def sketched(server: Any, twin: ProjectionsTwin) -> dict[str, int]:
    """What the server's own sketch says of the replayed members: it estimates, off by one in a third of days of 100."""
    counts: dict[str, int] = {}
    for key, members in twin.sketches().items():
        scratch = f"{key}:replayed"
        await server.pfadd(scratch, *members)
        counts[key] = int(await server.pfcount(scratch))
        await server.delete(scratch)
    return counts


def differing(live: Mapping[str, Any], replayed: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What each says of every key that they disagree on."""
    return {key: (live.get(key), replayed.get(key)) for key in {*live, *replayed} if live.get(key) != replayed.get(key)}


def only_views(found: Mapping[str, Any]) -> dict[str, Any]:
    """Without feeds (compared by what they answer) and ingest's own keys."""
    return {key: value for key, value in found.items() if key.partition("}:")[2].partition(":")[0] in VIEWS}
