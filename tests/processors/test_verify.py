"""The delivery ledger finds what was planted, on a log and tables of the test's own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from local.stack import Stack
from processors.ledger import Ledger
from processors.processor import Effects
from processors.rules.rows import rows
from processors.stores.dead_letters import ONLY_FOR, DeadLetters, Headers, Letter
from processors.verify import TELL_EVERY_S, Progress, told, verify
from schemas import events, facts
from schemas.topics import Origin
from tests.builders import a_track, an_events_record, user_registered
from tests.faults.sinks import Sinks, now, sinks

BAD = b"not an events record"


@pytest.fixture
async def found(parts: Stack) -> AsyncIterator[Sinks]:
    async with sinks(parts, partitions=2) as found:
        yield found


def values() -> tuple[list[bytes], list[bytes]]:
    """Four batches of three events with ids e0 to e11, and three facts."""
    ids = iter(range(12))
    batches = [
        an_events_record([{**a_track(), "messageId": f"e{next(ids)}"} for _ in range(3)], received_at=now())
        for _ in range(4)
    ]
    return [events.encode(each) for each in batches], [
        facts.encode(user_registered(username=name, at=now())) for name in ("ana", "bob", "cem")
    ]


async def fill(found: Sinks) -> None:
    """The log has all of them, over both partitions, and the tables what a sink makes of them."""
    for topic, given in zip(found.bench.topics, values(), strict=True):
        with found.bench.producing() as producer:
            for number, value in enumerate(given):
                producer.send(topic.name, value, partition=number % 2).get(20)
    await store(found)


async def store(found: Sinks) -> None:
    """A sink without a loop."""
    sink = found.sink()
    await sink.open()
    for topic in found.bench.topics:
        records = found.bench.records(topic)
        read = [Effects(each.origin, tuple(rows(topic.decode(each.key, each.value)))) for each in records]  # type: ignore[arg-type]
        await sink.apply(read)
        found.bench.commit({Origin(topic.name, p, 0): 2 if topic.name.endswith("events.v1") else 2 - p for p in (0, 1)})
    await sink.close()


async def ledger(found: Sinks, **more: object) -> Ledger:
    return await verify(found.stand.settings, scope=found.scope, **more)  # type: ignore[arg-type]


async def exit_code(found: Sinks) -> int:
    said: list[str] = []
    code = await told(found.stand.settings, None, said.append, said.append, found.scope)
    assert "duplicated" in said[-1]
    return code


async def change(found: Sinks, sql: str) -> None:
    """`sql` with the tables' names in it."""
    events, facts = (found.tables[topic.name] for topic in found.bench.topics)
    await found.stand.client.query(sql.format(events=events.path, facts=facts.path))


async def test_the_ledger_of_a_stored_log_holds_and_finds_what_was_planted(found: Sinks) -> None:
    await fill(found)
    events_topic, facts_topic = (topic.name for topic in found.bench.topics)

    before = await ledger(found)
    await change(found, "delete from {events} where received_at > timestamp '2020-01-01' and event_id = 'e4'")
    await change(found, "delete from {facts} where accepted_at > timestamp '2020-01-01' and kafka_partition = 1")
    e7 = "received_at > timestamp '2020-01-01' and event_id = 'e7'"
    await change(found, f"insert into {{events}} select * from {{events}} where {e7}")
    await change(found, "update {events} set batch_index = 9 where received_at > '2020-01-01' and event_id = 'e0'")
    after = await ledger(found, since=now() - timedelta(hours=1))

    assert before.holds()
    assert sum(line.due for line in before.lines.values()) == sum(line.stored for line in before.lines.values()) == 15
    assert "lost 0, duplicated 0" in str(before).splitlines()
    assert not after.holds()
    assert sorted(str(place) for place in after.all("lost")) == sorted(
        [f"{events_topic}:0:0#0", f"{events_topic}:1:0#1", f"{facts_topic}:1:0#0"]
    )
    assert {after.ids[place] for place in after.all("doubled")} == {"e7"}
    assert [str(place) for place in after.all("strange")] == [f"{events_topic}:0:0#9"]
    said = str(after).splitlines()
    assert "lost 3, duplicated 1, 1 unknown to the log" in said
    assert f"lost     {events_topic}:1:0#1  e4" in said
    assert f"lost     {facts_topic}:1:0#0  {facts.decode(values()[1][1]).id}" in said


async def test_the_exit_code_says_whether_rows_are_lost_doubled_or_unknown(found: Sinks) -> None:
    await fill(found)
    whole = "received_at > timestamp '2020-01-01' and event_id = 'e4'"

    held = await exit_code(found)
    await change(found, f"insert into {{events}} select * from {{events}} where {whole}")
    doubled = await exit_code(found)
    await change(found, f"delete from {{events}} where {whole}")
    lost = await exit_code(found)

    assert (held, doubled, lost) == (0, 1, 1)


def test_a_long_comparison_says_now_and_then_how_far_it_is() -> None:
    said: list[str] = []
    times = iter([0.0, 1.0, TELL_EVERY_S, TELL_EVERY_S, TELL_EVERY_S + 1, 3 * TELL_EVERY_S, 3 * TELL_EVERY_S])
    progress = Progress(said.append, clock=lambda: next(times), total=40_000)

    for _ in range(4):
        progress.add(10_000)

    assert said == ["compared 20,000 of 40,000 records", "compared 40,000 of 40,000 records"]


async def test_what_has_no_row_for_a_reason_is_not_lost(found: Sinks) -> None:
    topic = found.bench.topics[0]
    good = values()[0][0]
    with found.bench.producing() as producer:
        producer.send(topic.name, BAD, partition=0).get(20)
        producer.send(topic.name, good, partition=0, headers=[(ONLY_FOR, b"views")]).get(20)
        producer.send(topic.name, good, partition=1).get(20)
    found.bench.commit({Origin(topic.name, 0, 0): 2})

    before = await ledger(found)
    await bury(found, Origin(topic.name, 0, 0))
    after = await ledger(found)

    assert [str(place) for place in before.all("lost")] == [f"{topic.name}:0:0#0"]
    assert "lost 0, duplicated 0, 3 waiting" in str(after).splitlines()
    assert after.holds()
    assert [sum(getattr(line, kind) for line in after.lines.values()) for kind in ("records", "due", "dead")] == [
        3,
        3,
        1,
    ]


async def bury(found: Sinks, origin: Origin) -> None:
    """As the loop does."""

    async def send(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        with found.bench.producing() as producer:
            await asyncio.to_thread(producer.send(topic, value, key, list(headers)).get, 20)

    record = next(each for topic in found.bench.topics for each in found.bench.records(topic) if each.origin == origin)
    letters = DeadLetters(send, found.bench.group, now, found.bench.dead)
    await letters.write([Letter(msgspec.structs.replace(record, headers={}), (), "decode", "ValueError: no")])
