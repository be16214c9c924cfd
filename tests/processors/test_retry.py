"""The workbench on the real broker, with topics of the test's own."""

from asyncio import to_thread
from uuid import uuid4

import msgspec
import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from local.stack import Stack
from processors import dead
from processors.agents import PROCESSORS
from processors.processor import Processor, Record
from processors.retry import done, trial
from processors.stores.dead_letters import DeadLetters, Headers, Letter, is_for
from schemas.settings import Settings
from schemas.topics import DEAD, FACTS, Origin, Topic
from tests import log
from tests.builders import NOON, an_origin
from tests.faults.sinks import follows, now

GOOD = next(follows(1, now))


class Bench:
    """Facts and dead letters under names of the test's own, and the one processor that reads them."""

    def __init__(self, settings: Settings) -> None:
        name = f"dead-{uuid4().hex[:8]}"
        self.settings = settings
        self.topic: Topic = msgspec.structs.replace(FACTS, name=f"{name}-facts")
        self.letters: Topic = msgspec.structs.replace(DEAD, name=f"{name}-dead")
        views = next(each for each in PROCESSORS if each.name == "views")
        self.processors = (Processor("views", reads=(self.topic,), rule=views.rule, store=views.store),)
        admin = KafkaAdminClient(bootstrap_servers=settings.brokers)
        admin.create_topics([NewTopic(self.topic.name, 2, 1), NewTopic(self.letters.name, 2, 1)])
        admin.close()

    async def bury(self, value: bytes | None, offset: int, reason: str = "KeyError: 'film'") -> Origin:
        """As the loop of `views` does."""
        written: list[dead.Message] = []

        async def send(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
            written.append((topic, None, key, value, headers))

        record = Record(Origin(self.topic.name, 1, offset), b"k", value, {})
        letter = Letter(record, (("trace", b"t-1"), ("x", b"1"), ("x", b"2")), "rule", reason)
        await DeadLetters(send, "views", lambda: NOON, self.letters.name).write([letter])
        dead.send(self.settings, [*written, *written])  # at least once
        return record.origin

    def do(self, action: str, group: str | None = None, *, dry_run: bool = False) -> str:
        """The command."""
        return done(
            self.settings, action, group, lambda: NOON,
            dry_run=dry_run, topic=self.letters.name, processors=self.processors,
        )  # fmt: skip

    def group(self) -> str:
        """The first that is listed."""
        return self.do("list").splitlines()[1].split()[0]

    def again(self) -> list[Record]:
        """What stands in the topic now."""
        return log.records(self.settings, self.topic)


@pytest.fixture
def bench(parts: Stack) -> Bench:
    return Bench(parts.settings)


async def test_a_group_is_driven_again_once_for_the_processor_that_refused_it_but_for_what_would_die_again(
    bench: Bench,
) -> None:
    origins = [await bench.bury(GOOD, 7), await bench.bury(GOOD, 9)]
    await bench.bury(b'{"type":"NoSuchFact"}', 10)
    group = await to_thread(bench.group)

    would = await to_thread(lambda: bench.do("retry", group, dry_run=True))
    nothing = await to_thread(bench.again)
    said = await to_thread(bench.do, "retry", group)
    repeated = await to_thread(bench.do, "retry", group)

    assert would.splitlines()[0] == "2 would be driven again, 1 would die again"
    assert "NoSuchFact" in would
    assert nothing == []
    assert said.splitlines()[0] == "2 driven again, 1 would die again"
    assert repeated.splitlines()[0] == "0 driven again, 1 would die again"
    found = await to_thread(bench.again)
    assert [(each.key, each.value, each.origin.partition) for each in found] == [(b"k", GOOD, 1)] * 2
    assert [each.headers["again"].decode() for each in found] == [str(origin) for origin in origins]
    assert {each.headers["trace"] for each in found} == {b"t-1"}
    assert all(is_for("views", tuple(each.headers.items())) for each in found)
    assert not any(is_for("metrics", tuple(each.headers.items())) for each in found)


async def test_a_dropped_group_is_not_listed_and_not_driven_again(bench: Bench) -> None:
    await bench.bury(GOOD, 7)
    group = await to_thread(bench.group)

    would = await to_thread(lambda: bench.do("drop", group, dry_run=True))
    shown = await to_thread(bench.do, "show", group)
    said = await to_thread(bench.do, "drop", group)

    assert (would, said.partition(";")[0]) == ("1 would be dropped", "1 dropped")
    assert "KeyError: 'film'" in shown
    assert await to_thread(bench.do, "list") == "no dead letters"
    assert (await to_thread(bench.do, "retry", group)).startswith("no group")
    assert await to_thread(bench.again) == []


def test_a_processor_that_is_gone_cannot_be_tried() -> None:
    letter = Letter(Record(an_origin(), b"k", GOOD, {}), (), "rule", "KeyError")

    assert "no processor gone reads facts.v1" in trial(dead.Dead(letter, "gone", "")).objection
    assert trial(dead.Dead(letter, "views", "")).objection == ""
