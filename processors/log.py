"""The log as it stands, read from outside: by no group, so that nothing is committed, and to the end it has now."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from schemas.settings import Settings

POLL_MS = 1_000


class Span(NamedTuple):
    """A part of one partition: its first offset, and the one after its last."""

    first: int
    end: int


class Log:
    """One reader of it; it reads one span at a time."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    def spans(self, topic: str, since: datetime | None = None) -> dict[int, Span]:
        """What each partition holds; of what was appended since then, if that is given. No topic, no spans."""
        consumer = self._consumer
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        starts, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        if since is not None:
            found = consumer.offsets_for_times(dict.fromkeys(partitions, int(since.timestamp() * 1000)))
            starts = {tp: found[tp].offset if found.get(tp) else ends[tp] for tp in partitions}
        return {tp.partition: Span(starts[tp], ends[tp]) for tp in partitions}

    def records(self, topic: str, number: int, span: Span) -> Iterator[Any]:
        """The partition's records in this span, oldest first; after compaction fewer than there are offsets."""
        tp = TopicPartition(topic, number)
        self._consumer.assign([tp])
        self._consumer.seek(tp, span.first)
        while self._consumer.position(tp) < span.end:
            for record in (each for batch in self._consumer.poll(timeout_ms=POLL_MS).values() for each in batch):
                if record.offset < span.end:
                    yield record


@contextmanager
def opened(settings: Settings) -> Iterator[Log]:
    """Closed in the end."""
    consumer = KafkaConsumer(bootstrap_servers=settings.brokers, group_id=None, enable_auto_commit=False)
    try:
        yield Log(consumer)
    finally:
        consumer.close()
