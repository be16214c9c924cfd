"""What the laws are tried on: a log of facts, the real rules and stores that pass it, and the real api that reads.

Everything runs in this process against one Valkey; workers lag, die, come back and thaw when they are told to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from operator import ge
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zlib import crc32

import msgspec
from redis.asyncio import Redis
from starlette.requests import Request

from api import serving
from api.app import ROUTES, make_room
from api.projections import open_projections
from api.routes import Room
from processors.processor import Effects
from processors.rules import feeds, views
from processors.stores.feeds import PULL_ABOVE
from processors.stores.projections import Projections
from schemas import facts, projections
from schemas.facts import Fact
from schemas.ids import UserId
from schemas.problems import Refusal
from schemas.projections import Processor
from schemas.settings import Settings
from schemas.topics import Origin
from tests import builders as a
from tests.laws.oracle import Oracle
from tests.processors.worlds import Crash, Mortal
from tests.spread import spread

PARTITIONS = 3
PROCESSORS: tuple[Processor, ...] = ("views", "feeds")
MODERATOR = a.a_user("mia", 3)  # no person of any play: follows nobody, is followed by nobody
PATIENCE_MS = 20_000  # catches a hang; a machine that runs many things at once stalls
BY_PATH = {route.path: route for route in ROUTES}
Answer = dict[str, Any]


class Record(NamedTuple):
    origin: Origin
    fact: Fact


def partition(fact: Fact) -> int:
    return crc32(facts.aggregate(fact).encode()) % PARTITIONS


def effects(processor: Processor, record: Record) -> Effects:
    rule = views.changes if processor == "views" else feeds.changes  # looked up now: a test may have broken it
    return Effects(record.origin, tuple(rule(record.fact)))


@dataclass
class Stage:
    """One server and everything on it; `open` once, `begin` before every play."""

    url: str
    now: datetime = a.NOON
    skew: timedelta = timedelta()  # of the writers' clocks; the readers' is right
    log: list[Record] = field(default_factory=list)
    reached: dict[Processor, list[int]] = field(default_factory=dict)  # next offset by partition
    half_done: list[Record] = field(default_factory=list)  # of feeds, by workers that died
    people: Sequence[UserId] = ()
    is_gone: bool = False  # whether the last refusal was a 410
    redis: Redis = field(init=False)
    room: Room = field(init=False)
    workers: dict[Processor, Mortal] = field(init=False)
    zombies: dict[Processor, Projections] = field(init=False)

    async def open(self) -> None:
        self.redis = spread(self.url)
        self.workers = {name: Mortal(name, self.url, self._writers_clock) for name in PROCESSORS}
        self.zombies = {name: Projections(name, self.url, self._writers_clock) for name in PROCESSORS}
        for store in (*self.workers.values(), *self.zombies.values()):
            await store.open()
        settings = Settings(redis_url=self.url, redis_timeout_ms=PATIENCE_MS, moderators=MODERATOR)
        self._set_room(make_room(settings, clock=lambda: self.now))

    async def close(self) -> None:
        for store in (*self.workers.values(), *self.zombies.values()):
            await store.close()
        await self.room.projections.close()
        self.room.warehouse.close()
        await self.redis.aclose()

    def _writers_clock(self) -> datetime:
        return self.now + self.skew

    async def begin(self, people: Sequence[UserId]) -> None:
        """An empty log, an empty server, and everyone signed in."""
        self.now, self.skew, self.people = a.NOON, timedelta(), people
        self.log = []
        self.pull_above(PULL_ABOVE)
        await self._empty()
        await self.restart_api()  # it may remember cards, and ids come again in every play

    async def _empty(self) -> None:
        await self.redis.flushdb()
        self.reached = {name: [0] * PARTITIONS for name in PROCESSORS}
        self.half_done = []
        await self.sign_in()
        for worker in self.workers.values():
            await worker.progress()

    async def sign_in(self) -> None:
        pipe = self.redis.pipeline(transaction=False)
        pipe.set(projections.EPOCH, "1")
        for user in (*self.people, MODERATOR):
            pipe.set(projections.session(_sha256(token(user))), user)
        await pipe.execute()

    # --- the log ------------------------------------------------------------------------------------------------------

    def append(self, fact: Fact) -> Record:
        number = partition(fact)
        record = Record(a.an_origin(sum(r.origin.partition == number for r in self.log), number), fact)
        self.log.append(record)
        return record

    def passed(self, processor: Processor) -> list[Fact]:
        ends = self.reached[processor]
        return [record.fact for record in self.log if record.origin.offset < ends[record.origin.partition]]

    def oracle(self, processor: Processor = "views") -> Oracle:
        """What is true as far as this processor has come."""
        return Oracle(self.passed(processor), self.now)

    def logged(self) -> Oracle:
        """What is true once everything has come."""
        return Oracle([record.fact for record in self.log], self.now)

    def is_quiet(self) -> bool:
        return all(not self.pending(name) for name in PROCESSORS)

    def pending(self, processor: Processor, order: Iterable[int] = range(PARTITIONS)) -> list[Record]:
        """What lies before the processor, partition by partition in this order."""
        ends = self.reached[processor]
        return [r for n in order for r in self.log if r.origin.partition == n and r.origin.offset >= ends[n]]

    # --- workers ------------------------------------------------------------------------------------------------------

    async def catch_up(self, processor: Processor, order: Iterable[int] = range(PARTITIONS)) -> None:
        await self.apply(processor, self.pending(processor, order))

    async def apply(self, processor: Processor, records: Sequence[Record]) -> None:
        if not records:
            return
        await self._carry_out(processor, records)
        ends = self.reached[processor]
        for origin, _ in records:
            ends[origin.partition] = max(ends[origin.partition], origin.offset + 1)
        self.half_done = [r for r in self.half_done if r.origin.offset >= self.reached["feeds"][r.origin.partition]]

    async def _carry_out(self, processor: Processor, records: Sequence[Record]) -> None:
        await self.workers[processor].apply([effects(processor, record) for record in records])

    async def crash(self, processor: Processor, records: Sequence[Record], after: int) -> None:
        """The worker dies after so many calls, if it makes so many; its successor asks how far it had come."""
        worker = self.workers[processor]
        worker.calls_left = after
        try:
            await self.apply(processor, records)
        except Crash:
            self.half_done += records if processor == "feeds" else []
        worker.calls_left = 10**9
        await self._comes_back(processor)

    async def _comes_back(self, processor: Processor) -> None:
        await self.workers[processor].open()
        found = await self.workers[processor].progress()
        ends = [found.get(("facts.v1", number), 0) for number in range(PARTITIONS)]
        assert all(map(ge, ends, self.reached[processor])), f"{processor} came to {self.reached}, remembers {found}"
        self.reached[processor] = ends

    async def thaw(self, processor: Processor, number: int, count: int) -> None:
        """A worker that was frozen does the last `count` records of a partition again."""
        end = self.reached[processor][number]
        late = [r for r in self.log if r.origin.partition == number and end - count <= r.origin.offset < end]
        before = await self.watermarks(processor)
        await self.zombies[processor].progress()
        await self.zombies[processor].apply([effects(processor, record) for record in late])
        after = await self.watermarks(processor)
        assert all(int(after.get(at, -1)) >= int(offset) for at, offset in before.items()), "a watermark went back"

    async def watermarks(self, processor: Processor) -> Mapping[str, str]:
        keys = [projections.progress(processor), *(projections.watermark(bucket, processor) for bucket in range(64))]
        pipe = self.redis.pipeline(transaction=False)
        for key in keys:
            pipe.hgetall(key)
        found = await pipe.execute()
        return {f"{key} {name}": at for key, ends in zip(keys, found, strict=True) for name, at in ends.items()}

    async def replay(self, order: Sequence[int], batch: int) -> None:
        """The server is emptied; both processors come as far as they were, from the log's first record."""
        before = self.reached
        await self._empty()
        for name in PROCESSORS:
            every = [r for r in self.pending(name, order) if r.origin.offset < before[name][r.origin.partition]]
            for at in range(0, len(every), batch):
                await self.apply(name, every[at : at + batch])

    async def lose_feed(self, reader: UserId, lists: str) -> None:
        """`f` the feed, `s` its sealed entries, or both."""
        kinds = {"f": projections.feed, "s": projections.sealed}
        await self.redis.delete(*(kinds[kind](reader) for kind in lists))

    async def tend(self, after: int) -> None:
        """Cold feeds are built, those of who stays away dropped; the worker may die amid that."""
        worker = self.workers["feeds"]
        worker.calls_left = after
        try:
            await worker.tend()
        except Crash:
            await self._comes_back("feeds")
        worker.calls_left = 10**9

    def pull_above(self, followers: int) -> None:
        """Who has more active followers is pulled from now on."""
        for store in (self.workers["feeds"], self.zombies["feeds"]):
            store._fanout = replace(store._fanout, pull_above=followers)

    # --- readers ------------------------------------------------------------------------------------------------------

    async def restart_api(self) -> None:
        await self.room.projections.close()
        self._set_room(replace(self.room, projections=open_projections(self.url, PATIENCE_MS / 1000)))

    def _set_room(self, room: Room) -> None:
        self.room = room
        self._endpoints = {path: serving.endpoint(room, route) for path, route in BY_PATH.items()}

    async def ask(self, path: str, reader: UserId, target: str = "", **query: object) -> Answer | None:
        """The route's answer to a signed-in reader; None for a 404, and for a 410, which `is_gone` tells."""
        route = BY_PATH[path]
        text = urlencode({name: value for name, value in query.items() if value is not None})
        scope = {
            "type": "http", "method": "GET", "path": route.endpoint(target), "query_string": text.encode(),
            "headers": [(b"authorization", f"Bearer {token(reader)}".encode())],
            "path_params": {route.target: target} if route.target else {},
        }  # fmt: skip
        try:
            response = await self._endpoints[path](Request(scope))
        except Refusal as refusal:
            if refusal.refused.status not in (404, 410):
                raise
            self.is_gone = refusal.refused.status == 410
            return None
        return msgspec.json.decode(bytes(response.body), type=Answer)


def token(user: UserId) -> str:
    return f"token-of-person-{user}"


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()
