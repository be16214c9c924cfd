"""Ids, and the times that they are of: the same call gives the same id."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid5
from zlib import crc32

from schemas import ids
from schemas.ids import BUCKETS, CommentId, FactId, PhotoId, RollId, UserId
from schemas.topics import FACTS, Origin, Topic

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)  # "now" in tests that need one
MORNING = NOON - timedelta(hours=3)  # a reveal that has come
TOMORROW = NOON + timedelta(hours=21)  # a reveal that has not
FAR = datetime(2080, 1, 1, tzinfo=UTC)  # a server with a clock of its own, like Redis, must not call it past

_FACTS = UUID("00000000-0000-5000-8000-00000000da4c")


def a_user(name: str = "ana", bucket: int | None = None) -> UserId:
    """The person called `name`; give a bucket where it matters which people are neighbours."""
    drawn = crc32(name.encode())
    return UserId(ids.compose(NOON - timedelta(days=1), drawn % BUCKETS if bucket is None else bucket, drawn >> 6))


def a_photo(author: UserId | None = None, number: int = 1, reveal_at: datetime = MORNING) -> PhotoId:
    """The author's `number`-th photo of that reveal second, in the author's bucket; higher numbers come later."""
    return PhotoId(_made_by(author or a_user(), number, reveal_at))


def a_roll(owner: UserId | None = None, number: int = 1) -> RollId:
    """The owner's `number`-th roll, in the owner's bucket."""
    return RollId(_made_by(owner or a_user(), number, NOON - timedelta(hours=6)))


def a_comment(author: UserId | None = None, number: int = 1) -> CommentId:
    """The author's `number`-th comment, in the author's bucket; all of one second."""
    return CommentId(_made_by(author or a_user(), number, NOON))


def _made_by(maker: UserId, number: int, at: datetime) -> str:
    """Neighbours in a bucket make different things."""
    return ids.compose(at, ids.bucket(maker), number << 12 | crc32(maker.encode()) & 0xFFF)


def a_token(name: str = "ana's phone") -> str:
    """SHA-256 (hex) of a session's or an invite's token."""
    return sha256(name.encode()).hexdigest()


def a_fact_id(*says: object) -> FactId:
    """An id that is the same for the same `says`."""
    return FactId(uuid5(_FACTS, repr(says)))


def an_origin(offset: int = 0, partition: int = 0, topic: Topic = FACTS) -> Origin:
    """Where a record stands in the log."""
    return Origin(topic.name, partition, offset)
