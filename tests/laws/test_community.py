"""Laws 16 and 19 on a whole community: everybody's feed is the oracle's; after a replay from zero every answer is.

Sizes: at every commit 200 people; nightly 10,000 people and 100,000 facts, three seeds.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from random import Random

import pytest

from processors.stores import feeds
from schemas.facts import Fact
from schemas.projections import FEED_CAP
from tests import builders as a
from tests.laws.census import Census
from tests.laws.community import Community
from tests.laws.nodes import nodes
from tests.laws.reading import answers, with_progress
from tests.laws.stage import PARTITIONS, PROCESSORS, Record, Stage, effects, partition
from tests.valkey import Fleet

BATCH = 100


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three share the buckets."""
    with nodes(3, tmp_path_factory) as fleet:
        yield fleet


def logged(facts: Sequence[Fact]) -> list[list[Record]]:
    """The facts at their places in the log, partition by partition."""
    lanes: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    for fact in facts:
        lane = lanes[partition(fact)]
        lane.append(Record(a.an_origin(len(lane), partition(fact)), fact))
    return lanes


def interleaved(lanes: Sequence[Sequence[Record]], random: Random) -> list[Record]:
    """One of the orders in which a consumer may see them."""
    order = [number for number, lane in enumerate(lanes) for _ in lane]
    random.shuffle(order)
    rest = [iter(lane) for lane in lanes]
    return [next(rest[number]) for number in order]


async def fill(stage: Stage, facts: Sequence[Fact], seed: int) -> None:
    """An empty server, and all facts through views and feeds, each in an order of its own."""
    random = Random(seed)
    for processor in PROCESSORS:
        records = interleaved(logged(facts), random)
        for at in with_progress(range(0, len(records), BATCH), f"batches through {processor}"):
            chunk = [effects(processor, record) for record in records[at : at + BATCH]]
            await stage.workers[processor].apply(chunk)


@pytest.mark.parametrize(
    ("seed", "size", "count"),
    [(1, 200, 800), *(pytest.param(seed, 10_000, 100_000, marks=pytest.mark.nightly) for seed in (1, 2, 3))],
)
@pytest.mark.timeout(14_400)  # all pages of 10,000 feeds, twice: two hours of a core
def test_everybody_reads_what_the_oracle_says_also_after_a_replay(
    stage: Stage, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch, seed: int, size: int, count: int
) -> None:
    monkeypatch.setattr(feeds, "READERS_PER_CALL", 50)  # several calls for the famous, as in production
    community = Community(seed, size)
    facts = community.facts(count)
    census = Census(facts, a.NOON)
    people = [user for user in community.people if user in census.registered]
    began = time.monotonic()

    loop.run_until_complete(stage.begin(people))
    loop.run_until_complete(fill(stage, facts, seed))
    applied = time.monotonic()
    before = loop.run_until_complete(answers(stage, census, people))
    read = time.monotonic()
    loop.run_until_complete(stage.begin(people))
    loop.run_until_complete(fill(stage, facts, seed + 100))
    after = loop.run_until_complete(answers(stage, census, people))

    assert after == before
    full = sum(len(census.brought(user)) > FEED_CAP for user in people)
    print(f"{len(people)} people, {count} facts, {full} feeds over the cap")
    print(f"{applied - began:.0f} s to apply, {read - applied:.0f} s to read")
