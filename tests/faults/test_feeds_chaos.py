"""Views, feeds and the servers that hold them are killed at random: everybody's feed is the oracle's all the same."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from uuid import uuid4

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from redis import Redis

from local.stack import Stack
from schemas import facts, projections
from schemas.facts import Fact
from schemas.settings import Settings
from schemas.topics import DEAD
from tests import builders as a
from tests import log
from tests.faults.children import Child
from tests.faults.feeding import Orders, topic_of
from tests.laws.census import Census
from tests.laws.community import Community
from tests.laws.reading import answers
from tests.laws.stage import PARTITIONS, PROCESSORS, Stage, partition
from tests.valkey import Fleet, Valkey, running_fleet
from tests.waiting import eventually

KILLS, PEOPLE, COUNT = 50, 300, 6_000  # facts
SEED = int(os.environ.get("FEEDS_CHAOS_SEED", time.time_ns() % 1_000_000))
GOES_ON_S = 180.0  # catches a hang
Progress = list[dict[bytes, bytes]]


class Worker(Child):
    """A process that is started again when it ended, as a supervisor would."""

    def __init__(self, orders: Orders, said: Path) -> None:
        super().__init__("tests.faults.feeding", orders, said)


class House:
    """A topic of the test's own, two workers that read it, three servers that they write."""

    def __init__(self, settings: Settings, fleet: Fleet, folder: Path) -> None:
        self.settings = msgspec.structs.replace(settings, redis_url=fleet.url)
        self.prefix = f"feeds-{uuid4().hex[:8]}-"
        self.topic = topic_of(self.prefix, PARTITIONS)
        self.fleet = fleet
        self.workers = [
            Worker(
                Orders(processor=n, prefix=self.prefix, partitions=PARTITIONS, settings=self.settings, now=a.NOON),
                folder / f"{n}.log",
            )
            for n in PROCESSORS
        ]

    def create_topics(self) -> None:
        """They stay until the stack is reset; nobody else reads them."""
        admin = KafkaAdminClient(bootstrap_servers=self.settings.brokers)
        dead = NewTopic(self.prefix + DEAD.name, 1, 1, topic_configs=dict(DEAD.config))
        admin.create_topics([NewTopic(self.topic.name, PARTITIONS, 1), dead])
        admin.close()

    @contextmanager
    def appending(self) -> Iterator[Callable[[Sequence[Fact]], None]]:
        producer = KafkaProducer(bootstrap_servers=self.settings.brokers, acks="all", linger_ms=5)

        def append(some: Sequence[Fact]) -> None:
            for fact in some:
                producer.send(self.topic.name, facts.encode(fact), partition=partition(fact))
            producer.flush(60)

        try:
            yield append
        finally:
            producer.close()

    def progress(self) -> Progress:
        """Of each processor on each server."""
        found: Progress = []
        for server in self.fleet.servers:
            with Redis.from_url(server.url) as redis:
                found += [redis.hgetall(projections.progress(name)) for name in PROCESSORS]
        return found

    def is_quiet(self) -> bool:
        """Every server has every record; whoever ended is started again."""
        self.supervise()
        ends = {f"{self.topic.name}:{n}": end for n, end in log.ends(self.settings, self.topic).items() if end}
        return all({at.decode(): int(offset) for at, offset in each.items()} == ends for each in self.progress())

    def supervise(self) -> None:
        for worker in self.workers:
            worker.start()

    def goes_on(self, before: Progress) -> bool:
        """Somebody has done something since."""
        self.supervise()
        return self.progress() != before

    def hit(self, chance: Random) -> str:
        """One of them dies and comes back; a server with nothing in it."""
        mortals: list[Worker | Valkey] = [*self.workers, chance.choice(self.fleet.servers)]
        victim = chance.choice(mortals)
        victim.kill()
        time.sleep(chance.uniform(0, 0.5))
        victim.start()
        return type(victim).__name__


@contextmanager
def at_work(settings: Settings, folder: Path) -> Iterator[House]:
    with running_fleet(folder) as fleet, ExitStack() as stack:
        house = House(settings, fleet, folder)
        house.create_topics()
        for worker in house.workers:
            worker.start()
            stack.callback(worker.kill)
        yield house


def under_kills(house: House, made: Sequence[Fact], kills: int, chance: Random) -> dict[str, int]:
    """The log is filled a share at a time; something dies after each, and the next waits until the house goes on."""
    hit: dict[str, int] = {}
    with house.appending() as append:
        for share in batched_facts(made, kills):
            before = house.progress()
            append(share)
            eventually(lambda before=before: house.goes_on(before), within_s=GOES_ON_S, every_s=0.1)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 1.0))
            name = house.hit(chance)
            hit[name] = hit.get(name, 0) + 1
    eventually(house.is_quiet, within_s=600, every_s=0.5)
    return hit


def batched_facts(made: Sequence[Fact], shares: int) -> Iterator[Sequence[Fact]]:
    size = -(-len(made) // shares)
    yield from (made[at : at + size] for at in range(0, len(made), size))


async def held_against_the_oracle(house: House, community: Community, census: Census) -> int:
    people = [user for user in community.people if user in census.registered]
    stage = Stage(house.fleet.url)
    await stage.open()
    try:
        stage.people = people
        await stage.sign_in()
        await answers(stage, census, people)
    finally:
        await stage.close()
    return len(people)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
async def test_killing_views_feeds_and_servers_changes_nothing(parts: Stack, tmp_path: Path) -> None:
    print(f"FEEDS_CHAOS_SEED={SEED}")
    community = Community(SEED, PEOPLE)
    made = community.facts(COUNT)
    with at_work(parts.settings, tmp_path) as house:
        hit = await asyncio.to_thread(under_kills, house, made, KILLS, Random(SEED))

        epochs = [Redis.from_url(server.url).get(projections.EPOCH) for server in house.fleet.servers]
        assert None not in epochs, "every server says that it is complete"
        people = await held_against_the_oracle(house, community, Census(made, a.NOON))
        assert log.records(house.settings, msgspec.structs.replace(DEAD, name=house.prefix + DEAD.name)) == []
    print(f"{sum(hit.values())} kills ({hit}), {COUNT} facts, {people} feeds equal the oracle")
