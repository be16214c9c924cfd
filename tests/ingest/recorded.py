"""What stands at a position of the log."""

import httpx
from kafka import KafkaConsumer, TopicPartition

from schemas import facts
from schemas.facts import Fact, PhotoDeveloped, PhotoSpoiled
from schemas.ids import PhotoId, UserId
from schemas.settings import Settings
from schemas.topics import FACTS, Origin, parse_position
from tests import log


def record_at(settings: Settings, origin: Origin) -> tuple[bytes | None, bytes | None, dict[str, bytes]]:
    """Key, value and headers of one record."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka_brokers, group_id=None, enable_auto_commit=False)
    partition = TopicPartition(origin.topic, origin.partition)
    try:
        consumer.assign([partition])
        consumer.seek(partition, origin.offset)
        while True:
            for found in consumer.poll(timeout_ms=5000)[partition]:
                return found.key, found.value, dict(found.headers)
    finally:
        consumer.close()


def position(answer: httpx.Response) -> Origin:
    """Where the answer says that its record stands."""
    found = parse_position(answer.headers["x-position"])
    assert found is not None
    return found


def fact_of(settings: Settings, answer: httpx.Response) -> Fact:
    """The fact a command made."""
    return facts.decode(record_at(settings, position(answer))[1])


def facts_of(settings: Settings, photo: PhotoId) -> list[Fact]:
    """What was done to a photo, in the order of the log."""
    every = [facts.decode(record.value) for record in log.records(settings, FACTS)]
    return [fact for fact in every if facts.aggregate(fact) == photo]


def facts_by(settings: Settings, *people: UserId) -> list[Fact]:
    """What these people did, as the log has it; what processors add of a photo is not theirs."""
    every = [facts.decode(record.value) for record in log.records(settings, FACTS)]
    return [fact for fact in every if fact.by in people and not isinstance(fact, PhotoDeveloped | PhotoSpoiled)]
