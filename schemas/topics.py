"""Topics: declared here, created by the bootstrap, never by a broker of its own accord."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from schemas import events, facts, secrets

DAY_MS = 24 * 3600 * 1000
MAX_RECORD_BYTES = 900_000  # below the broker's 1 MiB `message.max.bytes`, with headroom for headers


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A topic, its reason, and how to read what stands in it.

    `decode(key, value)` is pure and raises when the record is not what the topic promises.
    """

    name: str
    one_message_is: str
    key: str
    partitions_local: int
    partitions_production: int
    config: Mapping[str, str]
    why: str
    decode: Callable[[bytes | None, bytes | None], object]


def _topic_config(**config: str) -> Mapping[str, str]:
    return MappingProxyType({name.replace("_", "."): value for name, value in config.items()})


def _as_they_are(key: bytes | None, value: bytes | None) -> bytes | None:
    return value


EVENTS = Topic(
    name="events.v1",
    one_message_is="one client batch of one person: 1-500 analytics events, at most 900 kB",
    key="user id, else anonymous id",
    partitions_local=8,
    partitions_production=64,
    config=_topic_config(cleanup_policy="delete", retention_ms=str(7 * DAY_MS)),
    why="a message costs a consumer ~57 us whatever its size, so events travel in batches",
    decode=lambda key, value: events.decode(value),
)
FACTS = Topic(
    name="facts.v1",
    one_message_is="one accepted fact",
    key="the aggregate: photo, roll, follower or user",
    partitions_local=8,
    partitions_production=64,
    config=_topic_config(cleanup_policy="delete", retention_ms="-1", retention_bytes="-1"),
    why="the system of record: every view is rebuilt from it, so it is kept for ever",
    decode=lambda key, value: facts.decode(value),
)
SECRETS = Topic(
    name="credentials.v1",
    one_message_is="one secret, or the tombstone that ends it",
    key="password:<user> or session:<sha256 of the token>",
    partitions_local=4,
    partitions_production=16,
    config=_topic_config(cleanup_policy="compact"),
    why="secrets must be forgettable and must never be exported with the facts",
    decode=secrets.decode,
)
DEAD = Topic(
    name="dead.v1",
    one_message_is="one record that could not be processed: its bytes, key and headers, and why",
    key="as the original",
    partitions_local=4,
    partitions_production=8,
    config=_topic_config(
        cleanup_policy="delete",
        retention_ms=str(30 * DAY_MS),
        max_message_bytes=str(2 << 20),  # a foreign record may be the broker's 1 MiB, and a letter adds headers
    ),
    why="nothing is dropped silently; a fix re-drives it from here",
    decode=_as_they_are,
)

TOPICS: tuple[Topic, ...] = (EVENTS, FACTS, SECRETS, DEAD)


class Origin(msgspec.Struct, frozen=True, order=True):
    """Where a record stands in the log; part of every internal key."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


def parse_position(text: str) -> Origin | None:
    """The origin written as `facts.v1:3:1207` (X-Position, X-Read-After); None when it is not one."""
    match text.split(":"):
        case [topic, partition, offset] if partition.isdecimal() and offset.isdecimal() and len(text) <= 100:
            return Origin(topic, int(partition), int(offset))
        case _:
            return None
