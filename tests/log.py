"""The log as the oracle sees it: read whole, with kafka-python, past everything of ours."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition

from processors.processor import Record
from schemas.settings import Settings
from schemas.topics import Origin, Topic


def records(settings: Settings, topic: Topic) -> list[Record]:
    """Every record of the topic, by partition and offset."""
    with _consumer(settings) as consumer:
        partitions = [TopicPartition(topic.name, p) for p in sorted(consumer.partitions_for_topic(topic.name) or ())]
        return sorted(_read(consumer, partitions), key=lambda record: record.origin)


def _read(consumer: KafkaConsumer, partitions: Sequence[TopicPartition]) -> Iterator[Record]:
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for batch in consumer.poll(timeout_ms=500).values():
            for found in batch:
                yield Record(
                    Origin(found.topic, found.partition, found.offset), found.key, found.value, dict(found.headers)
                )


def ends(settings: Settings, topic: Topic) -> dict[int, int]:
    """The offset after the last record, by partition."""
    with _consumer(settings) as consumer:
        partitions = [TopicPartition(topic.name, p) for p in consumer.partitions_for_topic(topic.name) or ()]
        return {found.partition: int(end) for found, end in consumer.end_offsets(partitions).items()}


@contextmanager
def _consumer(settings: Settings) -> Iterator[KafkaConsumer]:
    """Of no group: it reads what it is told to and commits nothing."""
    consumer = KafkaConsumer(bootstrap_servers=settings.brokers, group_id=None, enable_auto_commit=False)
    try:
        yield consumer
    finally:
        consumer.close()
