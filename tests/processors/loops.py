"""A laboratory for the loop: topics, a group, a store and worker processes of each test's own, on the real broker."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import redis
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from processors.dead import Dead, distinct, read
from processors.lag import committed
from schemas.settings import Settings
from schemas.topics import DEAD, Origin
from tests.processors.worker import Orders
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
PARTITIONS = 4


class Worker:
    """A worker process; what it says goes to a file."""

    def __init__(self, orders: Orders, said: Path) -> None:
        self._said = said
        program = str(ROOT / "tests" / "processors" / "worker.py")
        with said.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, program, msgspec.json.encode(orders).decode()],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stderr=log,
                cwd=ROOT,
            )

    @property
    def said(self) -> str:
        return self._said.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self, within_s: float = 30.0) -> tuple[int, float]:
        """The exit code, and how long it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s), time.monotonic() - began

    def ended(self, within_s: float = 40.0) -> int:
        return self.process.wait(within_s)


class Laboratory:
    """One test's. `random` is seeded, and the seed printed."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.name = f"loop-{uuid4().hex[:8]}"
        self.topic, self.dead_topic = f"{self.name}-in", f"{self.name}-dead"
        seed = int(os.environ.get("LOOP_SEED", time.time_ns() % 1_000_000))
        print(f"LOOP_SEED={seed}")
        self.random = random.Random(seed)
        self._folder = folder
        self._workers: list[Worker] = []
        self._redis = redis.Redis.from_url(settings.redis_url, decode_responses=True)
        self._brokers = settings.brokers
        self.produced: list[tuple[Origin, bytes | None]] = []

    def create_topics(self) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self._brokers)
        dead = NewTopic(self.dead_topic, 1, 1, topic_configs=dict(DEAD.config))
        admin.create_topics([NewTopic(self.topic, PARTITIONS, 1), dead])
        admin.close()

    def produce(
        self, values: Sequence[bytes | None], partition: int | None = None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> list[Origin]:
        """In this order, over all partitions or into one."""
        producer = KafkaProducer(bootstrap_servers=self._brokers, acks="all", max_request_size=2 << 20)
        places = [number % PARTITIONS if partition is None else partition for number in range(len(values))]
        futures = [
            producer.send(self.topic, value=value, key=b"k", partition=place, headers=list(headers))
            for value, place in zip(values, places, strict=True)
        ]
        found = [future.get(20) for future in futures]
        producer.close()
        origins = [Origin(each.topic, each.partition, each.offset) for each in found]
        self.produced += zip(origins, values, strict=True)
        return origins

    def worker(self, **orders: object) -> Worker:
        given = Orders(
            name=self.name,
            topics=(self.topic,),
            dead=self.dead_topic,
            brokers=self.settings.kafka_brokers,
            redis=self.settings.redis_url,
            partitions=PARTITIONS,
        )
        worker = Worker(msgspec.structs.replace(given, **orders), self._folder / f"{len(self._workers)}.log")
        self._workers.append(worker)
        return worker

    def depend(self, how: str) -> None:
        """What the store's server does: "" answers, "down" refuses, "hang" says nothing."""
        self._redis.set(f"{self.name}:down", how)

    def wipe(self) -> None:
        """The store's server is emptied, in one step."""
        self._redis.delete(*(f"{self.name}:{key}" for key in ("memory", "progress", "applied")))

    def applied(self) -> list[Origin]:
        """Every effect, in the order in which it came, repeated ones too."""
        found = map(str, self._redis.lrange(f"{self.name}:applied", 0, -1))
        return [Origin(topic, int(partition), int(offset)) for topic, partition, offset in map(_split, found)]

    def workers(self) -> int:
        """How many processes have applied something."""
        return int(self._redis.scard(f"{self.name}:workers"))

    def dead(self) -> list[Dead]:
        return list(read(self.settings, self.dead_topic))

    def committed(self) -> Mapping[int, int]:
        """Offset by partition."""
        return {partition: offset for (_, partition), offset in committed(self.settings, self.name).items()}

    def all_applied(self, but: Sequence[Origin] = (), within_s: float = 40.0) -> None:
        """Waits for every record but these; then nothing is lost, nothing is made up, and order held."""
        wanted = {origin for origin, _ in self.produced} - set(but)
        eventually(lambda: len(set(self.applied())) >= len(wanted), within_s=within_s)
        found = self.applied()
        assert set(found) == wanted
        assert out_of_order(found) == []

    def only_dead(self, expected: Sequence[Origin]) -> None:
        """The dead letters are exactly these; a copy of one is allowed."""
        eventually(lambda: {each.letter.record.origin for each in self.dead()} >= set(expected))
        assert sorted(each.letter.record.origin for each in distinct(self.dead())) == sorted(expected)

    def close(self) -> None:
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.kill()
        for key in self._redis.scan_iter(f"{self.name}:*"):
            self._redis.delete(key)
        self._redis.close()


@contextmanager
def laboratory(settings: Settings, folder: Path) -> Iterator[Laboratory]:
    """Open, and gone afterwards with all its processes."""
    lab = Laboratory(settings, folder)
    lab.create_topics()
    try:
        yield lab
    finally:
        lab.close()


def numbers(count: int, start: int = 0) -> list[bytes | None]:
    return [json.dumps({"n": number}).encode() for number in range(start, start + count)]


def out_of_order(applied: Sequence[Origin]) -> list[Origin]:
    """Effects that came for the first time after a later one of their partition."""
    highest: dict[int, int] = {}
    seen: set[Origin] = set()
    wrong = []
    for origin in applied:
        if origin not in seen and origin.offset < highest.get(origin.partition, -1):
            wrong.append(origin)
        seen.add(origin)
        highest[origin.partition] = max(origin.offset, highest.get(origin.partition, -1))
    return wrong


def _split(text: str) -> tuple[str, str, str]:
    rest, _, offset = text.rpartition(":")
    topic, _, partition = rest.rpartition(":")
    return topic, partition, offset
