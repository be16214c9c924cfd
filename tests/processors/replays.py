"""A log of a small community, a live view that its workers fill, and a shadow; every connection may die."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from processors import replay
from processors.agents import PROCESSORS
from processors.log import Span
from processors.processor import Effects
from processors.replay import Doors
from processors.stores.projections import Lost, Projections
from schemas import facts, secrets
from schemas.facts import Fact
from schemas.projections import Processor
from schemas.secrets import Ended, Secret
from schemas.settings import Settings
from schemas.topics import FACTS, SECRETS, Origin
from tests import builders as a
from tests.laws.community import Community
from tests.processors.histories import PARTITIONS, partition
from tests.processors.worlds import Crash
from tests.spread import spread

ROWS = {row.name: row for row in PROCESSORS}
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


# --- connections that die ---------------------------------------------------------------------------------------------


@dataclass
class Life:
    """So many round trips; then everything it holds is dead."""

    left: int = 10**9
    spent: int = 0

    def spend(self) -> None:
        self.spent += 1
        if self.spent > self.left:
            raise Crash

    def connect(self, url: str) -> Any:
        return Frail(self, url)


class Frail(Redis):
    """Counts what goes to the server."""

    def __init__(self, life: Life, url: str) -> None:
        super().__init__(connection_pool=Redis.from_url(url).connection_pool)
        self.auto_close_connection_pool = True
        self.life = life

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        self.life.spend()
        return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return FrailPipeline(self)


class FrailPipeline(Pipeline):
    def __init__(self, frail: Frail) -> None:
        super().__init__(frail.connection_pool, frail.response_callbacks, False, None)
        self._life = frail.life

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        self._life.spend()
        return await super().execute(raise_on_error)
