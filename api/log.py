"""Door to Kafka, read only, for what operators ask of it: where is this record.

Each answer opens a connection of its own and reads a bounded tail; it is for people on call, not for traffic.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from schemas import letters
from schemas.letters import Told
from schemas.problems import refusal
from schemas.settings import Settings, address
from schemas.topics import DEAD, Origin, Topic

TIMEOUT_S = 5.0
KNOCK_S = 1.0
AT_ONCE = 2  # operators at the same time
TAIL = 50  # records of each partition; a batch is 20 kB as a rule, at most 900
LETTERS = 500  # dead letters of each partition
POLL_MS = 500
T = TypeVar("T")


class Sighting(msgspec.Struct, frozen=True):
    """A record of the log, as it stands there."""

    origin: Origin
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Log:
    """Asks in threads, because the client blocks."""

    brokers: tuple[str, ...]
    threads: ThreadPoolExecutor
    free: asyncio.Semaphore

    async def tail(self, topic: Topic, holding: bytes) -> list[Sighting]:
        """Of the newest `TAIL` records of each partition those whose value holds these bytes."""
        return await self._asked(lambda: self._tail(topic, TAIL, lambda found: holding in (found.value or b"")))

    async def record(self, origin: Origin) -> Sighting | None:
        """What stands there; None when the log never reached it, or has forgotten it."""
        return await self._asked(lambda: self._record(origin))

    async def letters(self, about: Callable[[Told, bytes], bool]) -> list[tuple[Told, Sighting]]:
        """Of the newest `LETTERS` of each partition of `dead.v1` those that `about` (what it says, value) wants."""
        found = await self._asked(lambda: self._tail(DEAD, LETTERS, lambda each: bool(_told(each, about))))
        return [(letters.told(each.headers)[0], each) for each in found]

    async def committed(self, groups: Sequence[str], origin: Origin) -> dict[str, bool]:
        """Whether each group has committed beyond the record."""
        return await self._asked(lambda: self._committed(groups, origin))

    def close(self) -> None:
        """Lets the threads go."""
        self.threads.shutdown(wait=False, cancel_futures=True)

    async def _asked(self, question: Callable[[], T]) -> T:
        if self.free.locked():
            raise refusal("unavailable", "too many questions to the log at once", retry_after_s=2)
        async with self.free:
            try:
                asking = asyncio.get_running_loop().run_in_executor(self.threads, question)
                return await asyncio.wait_for(asking, TIMEOUT_S * 2)
            except (KafkaError, OSError, TimeoutError) as error:
                raise refusal("unavailable", "the log does not answer", retry_after_s=5) from error

    def _knock(self) -> None:
        """`OSError` at once when no broker listens: the client itself would try for half a minute, and leak sockets."""
        for number, broker in enumerate(self.brokers, start=1):
            try:
                socket.create_connection(address(broker), KNOCK_S).close()
                return
            except OSError:
                if number == len(self.brokers):
                    raise

    def _tail(self, topic: Topic, count: int, wanted: Callable[[Sighting], bool]) -> list[Sighting]:
        with self._consumer() as consumer:
            partitions = [
                TopicPartition(topic.name, p) for p in sorted(consumer.partitions_for_topic(topic.name) or ())
            ]
            starts, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
            consumer.assign(partitions)
            for tp in partitions:
                consumer.seek(tp, max(starts[tp], ends[tp] - count))
            return [each for each in _read(consumer, ends) if wanted(each)]

    def _record(self, origin: Origin) -> Sighting | None:
        with self._consumer() as consumer:
            tp = TopicPartition(origin.topic, origin.partition)
            if tp.partition not in (consumer.partitions_for_topic(tp.topic) or ()):
                return None
            if not consumer.beginning_offsets([tp])[tp] <= origin.offset < consumer.end_offsets([tp])[tp]:
                return None
            consumer.assign([tp])
            consumer.seek(tp, origin.offset)
            return next(_read(consumer, {tp: origin.offset + 1}), None)

    def _committed(self, groups: Sequence[str], origin: Origin) -> dict[str, bool]:
        self._knock()
        admin = KafkaAdminClient(bootstrap_servers=list(self.brokers))
        tp = TopicPartition(origin.topic, origin.partition)
        try:
            offsets = {group: admin.list_group_offsets(group).get(group, {}).get(tp) for group in groups}
            return {group: found is not None and found.offset > origin.offset for group, found in offsets.items()}
        finally:
            admin.close()

    @contextmanager
    def _consumer(self) -> Iterator[KafkaConsumer]:
        """Of no group: it commits nothing."""
        self._knock()
        consumer = KafkaConsumer(bootstrap_servers=list(self.brokers), group_id=None, enable_auto_commit=False)
        try:
            yield consumer
        finally:
            consumer.close()


def _read(consumer: KafkaConsumer, ends: dict[Any, int]) -> Iterator[Sighting]:
    """From where the consumer stands up to these ends."""
    while any(consumer.position(tp) < end for tp, end in ends.items()):
        for found in (each for batch in consumer.poll(timeout_ms=POLL_MS).values() for each in batch):
            headers = tuple((name, bytes(value or b"")) for name, value in found.headers)
            yield Sighting(Origin(found.topic, found.partition, found.offset), found.key, found.value, headers)


def _told(letter: Sighting, about: Callable[[Told, bytes], bool]) -> bool:
    try:
        return about(letters.told(letter.headers)[0], letter.value or b"")
    except (KeyError, ValueError):  # somebody else's record
        return False


def open_log(settings: Settings) -> Log:
    """The door; no connection is made before the first question."""
    brokers = tuple(settings.brokers)
    return Log(brokers, ThreadPoolExecutor(AT_ONCE, "log"), asyncio.Semaphore(AT_ONCE))
