"""A log of a small community, a live view that its workers fill, and a shadow; and what each of them holds."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from redis.asyncio import Redis

from processors import replay
from processors.agents import PROCESSORS
from processors.log import Span
from processors.processor import Effects
from processors.replay import Doors
from processors.rules.replay import KINDS, code
from processors.stores.projections import Lost, Projections
from schemas import facts, secrets
from schemas.facts import Fact
from schemas.ids import UserId
from schemas.projections import Key, Processor
from schemas.secrets import Ended, Secret
from schemas.settings import Settings
from schemas.topics import FACTS, SECRETS, Origin
from tests import builders as a
from tests.laws.community import Community
from tests.processors.answers import Answers
from tests.processors.histories import PARTITIONS, partition
from tests.processors.worlds import Crash
from tests.spread import spread

ROWS = {row.name: row for row in PROCESSORS}
BOTH: tuple[Processor, ...] = ("views", "feeds")
Value = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]


class Appended(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class LogTwin:
    """Remembers what was appended; asked like `log.Log`."""

    def __init__(self) -> None:
        numbers = [(FACTS.name, number) for number in range(PARTITIONS)]
        self._lanes: dict[tuple[str, int], list[Appended]] = {at: [] for at in [*numbers, (SECRETS.name, 0)]}
        self.read = 0
        self.left = 10**9  # records until the reader dies

    def append(self, *found: Fact) -> None:
        for fact in found:
            self.add(FACTS.name, partition(fact), (b"", facts.encode(fact), ()))

    def tell(self, secret: Secret) -> None:
        key = secret.key if isinstance(secret, Ended) else secrets.key(secret)
        value = None if isinstance(secret, Ended) else secrets.encode(secret)
        self.add(SECRETS.name, 0, (key.encode(), value, ()))

    def add(self, topic: str, number: int, record: Value) -> None:
        lane = self._lanes[topic, number]
        lane.append(Appended(len(lane), *record))

    def spans(self, topic: str) -> dict[int, Span]:
        return {number: Span(0, len(lane)) for (name, number), lane in self._lanes.items() if name == topic}

    def records(self, topic: str, number: int, span: Span) -> Iterator[Any]:
        for record in self._lanes[topic, number][span.first : span.end]:
            self.read, self.left = self.read + 1, self.left - 1
            if self.left < 0:
                raise Crash
            yield record


@dataclass
class Worker:
    """A live processor without Kafka: goes on from what its store remembers, again when it is refused."""

    name: Processor
    url: str
    log: LogTwin
    refused: asyncio.Event = field(default_factory=asyncio.Event)
    store: Projections = field(init=False)

    async def open(self) -> "Worker":
        self.store = Projections(self.name, self.url, lambda: a.NOON)
        await self.store.open()
        return self

    async def catch_up(self, batch: int = 50) -> None:
        while todo := await self._next(batch):
            try:
                await self.store.apply(todo)
            except Lost:
                self.refused.set()
                await asyncio.sleep(0.005)
                await self.store.open()
            await asyncio.sleep(0)

    async def _next(self, batch: int) -> list[Effects]:
        reached = await self.store.progress()
        row = ROWS[self.name]
        for topic in row.reads:
            for number, span in self.log.spans(topic.name).items():
                first = reached.get((topic.name, number), 0)
                part = self.log.records(topic.name, number, Span(first, min(first + batch, span.end)))
                if found := [_effects(row, topic, number, record) for record in part]:
                    return found
        return []


def _effects(row: Any, topic: Any, number: int, record: Appended) -> Effects:
    value = topic.decode(record.key, record.value)
    return Effects(Origin(topic.name, number, record.offset), tuple(row.rule(value)))


@dataclass
class Wanted:
    """As on the command line."""

    compare: bool = False
    swap: bool = False
    show: int = 20


@dataclass
class Bench:
    """The log, the live side with its workers, and the address of the shadow."""

    live: str
    shadow: str
    log: LogTwin = field(default_factory=LogTwin)
    said: list[str] = field(default_factory=list)
    meanwhile: list[str] = field(default_factory=list)
    code: str = "the code of this test"

    async def fill(self, *names: Processor) -> None:
        for name in names:
            worker = await Worker(name, self.live, self.log).open()
            await worker.catch_up()
            await worker.store.close()

    async def replay(self, name: Processor, connect: Any = None, **wanted: Any) -> int:
        self.said.clear()
        settings = Settings(redis_url=self.live)
        more = {"connect": connect} if connect else {}
        said, meanwhile = self.said.append, self.meanwhile.append
        doors = Doors(settings, self.log, lambda: a.NOON, said, meanwhile, self.code, pause_s=0.02, **more)
        return await replay.replay(doors, name, self.shadow, Wanted(**wanted))

    def redis(self) -> Redis:
        return spread(self.live)


def a_community(log: LogTwin, size: int = 100, count: int = 400, seed: int = 1) -> list[Fact]:
    """Everything that views know of: a month of theirs, reactions, and secrets."""
    found = Community(seed, size).facts(count)
    people = [fact.by for fact in found if isinstance(fact, facts.UserRegistered)]
    taken = [fact.photo for fact in found if isinstance(fact, facts.PhotoDeveloped)]
    found += [a.photo_liked(user, photo) for user, photo in zip(people, taken, strict=False)]
    found += [a.comment_posted(people[n], photo, a.a_comment(people[n], n + 1)) for n, photo in enumerate(taken[:20])]
    found += [a.user_blocked(people[0], people[1]), a.follow_requested(people[2], people[3])]
    log.append(*found)
    for number, user in enumerate(people[:20]):
        log.tell(secrets.Password(user=user, hash=f"hash-{number}"))
        log.tell(secrets.Session(token_sha256=f"{number:064x}", user=user, expires_at=a.NOON + timedelta(days=9999)))
    log.tell(Ended(key=f"session:{3:064x}"))
    return found


# --- what the sides hold ----------------------------------------------------------------------------------------------


async def emptied(bench: Bench, *, everything: bool = False) -> None:
    """The shadow, and perhaps all."""
    async with Redis.from_url(bench.shadow) as redis:
        await redis.flushall()
    if everything:
        live = bench.redis()
        await live.flushall()
        await live.aclose()


async def dump(bench: Bench, name: Processor) -> Mapping[str, Any]:
    """What the live view of this processor holds; a feed is the photos it offers in the end."""
    redis = bench.redis()
    answers = Answers(redis, lambda: a.FAR)
    own = {key: value for key, value in (await answers.views()).items() if KINDS[code(Key(key))].owner == name}
    lists = {key for key in own if code(Key(key)) in ("f", "s")}
    feeds = {key: await answers.feed(UserId(key.rpartition(":")[2])) for key in lists}
    await redis.aclose()
    return {**own, **feeds}


async def lose_a_third(redis: Redis, name: Processor) -> None:
    """A third of its keys is lost."""
    lost = [key for key in sorted(map(str, await redis.keys("{b*"))) if KINDS[code(Key(key))].owner == name][::3]
    for key in lost:
        if code(Key(key)) not in ("f", "s"):  # else the feed is cold, and stays so
            await redis.delete(key)


def newcomers() -> list[Fact]:
    ana, ben = a.a_user("ana", 7), a.a_user("ben", 9)
    joined = [a.user_registered(user, name) for user, name in ((ana, "ana"), (ben, "ben"))]
    return [*joined, a.user_followed(ben, ana), *(a.photo_developed(ana, a.a_photo(ana, n)) for n in range(5))]
