"""Ids: 64 bits that sort by time, say where their owner lives, and travel as decimal strings.

    seconds since 2020 (31) << 32 | bucket (6) << 26 | sequence (26)

For a photo the seconds are those of its reveal, so the id *is* its place in every feed. They are strings everywhere
outside this file: a JSON number or a Redis score keeps only 53 bits, and 300 ids of one moment would collapse to two.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, NewType
from uuid import UUID, uuid5

from msgspec import Meta

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
BUCKETS = 64
SEQUENCES = 1 << 26
MAX_SECONDS = (1 << 31) - 1

Decimal = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}$")]
UserId = NewType("UserId", Decimal)
PhotoId = NewType("PhotoId", Decimal)
RollId = NewType("RollId", Decimal)
CommentId = NewType("CommentId", Decimal)
ConversationId = NewType("ConversationId", Decimal)
MessageId = NewType("MessageId", Decimal)
AnyId = UserId | PhotoId | RollId | CommentId | ConversationId | MessageId

FactId = NewType("FactId", UUID)
UploadId = NewType("UploadId", Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")])

_FACTS = UUID("6f0cbf5c-6f3e-5d1c-9d2b-0a4a6d1f3c77")  # namespace of our UUIDv5 ids; never changes


def compose(at: datetime, bucket: int, sequence: int) -> str:
    """The id of something at second `at` in `bucket`; `sequence` is taken mod 2^26: its counter may grow for ever."""
    seconds = int((at - EPOCH).total_seconds())
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"time of an id is {at.isoformat()}; expected 2020..2088")
    if not 0 <= bucket < BUCKETS:
        raise ValueError(f"bucket of an id is {bucket}; expected 0..{BUCKETS - 1}")
    return str(seconds << 32 | bucket << 26 | sequence % SEQUENCES)


def bucket(id: AnyId) -> int:
    """The logical shard (0..63) where what this id names lives: its owner's bucket, drawn when they registered."""
    return int(id) >> 26 & (BUCKETS - 1)


def second(id: AnyId) -> datetime:
    """The second an id carries: creation, or for a photo its reveal."""
    return EPOCH + timedelta(seconds=int(id) >> 32)


@lru_cache(maxsize=64)  # asked of each photo of a page
def floor_at(at: datetime) -> int:
    """The smallest id of the second after `at`: a photo is revealed at `at` when its id is below this."""
    return (int((at - EPOCH).total_seconds()) + 1) << 32


def command_fact_id(user: str, route: str, idempotency_key: str, fact_type: str) -> FactId:
    """The id of the fact a retried command must make again; `route` is method and path, as in `POST /v1/photos`."""
    return FactId(uuid5(_FACTS, "\n".join((user, route, idempotency_key, fact_type))))


def fresh_fact_id(at: datetime, noise: bytes) -> FactId:
    """The id (UUIDv7) of a fact that no retry will ask for again; `noise` is ten random bytes."""
    milliseconds = int(at.timestamp() * 1000)
    random = int.from_bytes(noise[:10], "big")
    return FactId(UUID(int=milliseconds << 80 | 7 << 76 | (random >> 68) << 64 | 2 << 62 | random & (1 << 62) - 1))


def derived_fact_id(source: FactId, fact_type: str) -> FactId:
    """The id of the fact that a processor makes of `source`: the same however often it does so."""
    return FactId(uuid5(source, fact_type))
