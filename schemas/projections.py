"""Redis: every key of every view (their hashes: `schemas/hashes.py`). Rebuilt from the log at any time; cluster-safe.

`{bNN}` is the hash tag of logical bucket NN (0..63), the owner's bucket as their id carries it, so one owner's keys
share a slot and a function may change them together with the watermark `{bNN}:wm:<processor>` that guards them. Which
server holds a bucket says `schemas/shards.py`; keys without a tag stand on every server, and speak of that one. Ids are
decimal strings; where their order matters they are padded to 19 digits (`place`) and sorted as text, never as a score.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal, NewType
from zlib import crc32

from schemas.ids import BUCKETS, AnyId, CommentId, FactId, PhotoId, RollId, UserId, bucket

Key = NewType("Key", str)
Processor = Literal["develop", "feeds", "views", "metrics", "warehouse"]

FEED_CAP = 400  # entries; +16 slack before a trim. Twenty pages: beyond it a reader is served from outboxes
OUTBOX_CAP = 800  # likewise; more than a feed keeps, so what an outbox lets go stands in none. Beyond it: the grid

EPOCH = Key("epoch")  # absent = views are being rebuilt: commands answer 503, reads say `stale`
CAUGHT_UP = Key("caught-up")  # SET of processors that reached the end offsets captured at their start


def _in(bucket: int, name: str) -> Key:
    return Key(f"{{b{bucket:02d}}}:{name}")


def _of(owner: AnyId, kind: str) -> Key:
    return _in(bucket(owner), f"{kind}:{owner}")


def bucket_of_text(text: str) -> int:
    """The bucket of what has no owner: a user name, a token's hash, a minute."""
    return crc32(text.encode()) % BUCKETS


def bucket_of_key(key: Key) -> int:
    """The bucket in a key's hash tag; `ValueError` for a key that has none."""
    if not (key.startswith("{b") and key[4:5] == "}"):
        raise ValueError(f"key is {key!r}; expected one that starts with {{bNN}}")
    return int(key[2:4])


# --- what guards and orders -------------------------------------------------------------------------------------------


def watermark(bucket: int, processor: Processor) -> Key:
    """HASH topic:partition -> offset of the last record this processor applied in this bucket."""
    return _in(bucket, f"wm:{processor}")


def progress(processor: Processor) -> Key:
    """HASH topic:partition -> next offset to read, written after each batch: what X-Read-After waits for.

    On every server; a processor is as far as the server that is furthest behind.
    """
    return Key(f"progress:{processor}")


MOVED = Key("moved")  # HASH bucket -> address of the server it was given to (`python -m processors move-bucket`)
FENCE = "moved"  # field of a bucket's watermarks where it is no longer changed: it moves, or has moved

SHADOW = Key("shadow")  # HASH processor, code: this server is no live one but holds what a replay makes


def held(processor: Processor) -> Key:
    """SET of the buckets whose records up to `progress` stand on this server: what the table gave it."""
    return Key(f"held:{processor}")


def sequence(bucket: int) -> Key:
    """Counter from which ids of this bucket are leased; ingest's own, skipped past the log's highest on a rebuild."""
    return _in(bucket, "seq")


# --- feeds ------------------------------------------------------------------------------------------------------------


def feed(reader: UserId) -> Key:
    """LIST of revealed photo ids, newest first; its end (`schemas/tails.py`) says from where on it is complete."""
    return _of(reader, "f")


def sealed(reader: UserId) -> Key:
    """LIST of photo ids whose time had not come when they were written, newest first, `tails.SENTINEL` at its end.

    A later write promotes them. Without its end it was lost, and the feed is as cold as without its own.
    """
    return _of(reader, "s")


def followers_in(author: UserId, bucket: int) -> Key:
    """SET of the author's followers who live in `bucket` (same slot as their feeds); owned by `feeds`."""
    return _in(bucket, f"fs:{author}")


def outbox(author: UserId) -> Key:
    """LIST of the author's developed photo ids, newest first, and a mark when it was trimmed; owned by `feeds`."""
    return _of(author, "o")


def pulled(bucket: int) -> Key:
    """SET of authors with too many active followers to push: readers of `bucket` merge their outboxes when they read.

    The same in every bucket; that of the author's own decides. Owned by `feeds`.
    """
    return _in(bucket, "pulled")


def opened(bucket: int) -> Key:
    """ZSET of readers of `bucket`, by the second in which they last opened their feed; api's own, may be lost.

    From it `feeds` decides whose feed is dropped.
    """
    return _in(bucket, "opened")


def cold(bucket: int) -> Key:
    """SET of readers of `bucket` who were answered from outboxes; api's own, may be lost. `feeds` builds their feed."""
    return _in(bucket, "cold")


# --- people -----------------------------------------------------------------------------------------------------------


def profile(user: UserId) -> Key:
    """HASH: `Profile`."""
    return _of(user, "u")


def following(user: UserId) -> Key:
    """SET of users whom `user` follows."""
    return _of(user, "fg")


def followers(user: UserId) -> Key:
    """SET of users who follow `user`."""
    return _of(user, "fr")


def follow_requests(user: UserId) -> Key:
    """SET of users who ask to follow `user`, whose account is private."""
    return _of(user, "rq")


def blocks(user: UserId) -> Key:
    """SET of users whom `user` blocks."""
    return _of(user, "bk")


def blocked_by(user: UserId) -> Key:
    """SET of users who block `user`."""
    return _of(user, "bb")


def mutes(user: UserId) -> Key:
    """SET of users whom `user` mutes: nobody else's view knows."""
    return _of(user, "mu")


def user_photos(user: UserId) -> Key:
    """ZSET, all scores 0: `place` of each of the user's photos, sealed and spoiled ones too."""
    return _of(user, "up")


def user_rolls(user: UserId) -> Key:
    """SET of rolls the user is a member of."""
    return _of(user, "ur")


def username(name: str) -> Key:
    """STRING: the user who has this name (`folded_username`)."""
    folded = folded_username(name)
    return _in(bucket_of_text(folded), f"n:{folded}")


def folded_username(name: str) -> str:
    """The form in which names are compared: `Ana` and `ana` are one name."""
    return name.casefold()


# --- rolls and photos -------------------------------------------------------------------------------------------------


def roll(roll: RollId) -> Key:
    """HASH: `Roll`."""
    return _of(roll, "r")


def members(roll: RollId) -> Key:
    """SET of the roll's members, its owner among them."""
    return _of(roll, "rm")


def removed_members(roll: RollId) -> Key:
    """HASH user -> when the owner last removed them: invites made before that do not admit them."""
    return _of(roll, "rx")


def roll_photos(roll: RollId) -> Key:
    """ZSET, all scores 0: `place` of each photo taken into the roll, sealed and spoiled ones too."""
    return _of(roll, "rp")


def invite(token_sha256: str) -> Key:
    """HASH: `Invite`."""
    return _in(bucket_of_text(token_sha256), f"i:{token_sha256}")


def card(photo: PhotoId) -> Key:
    """HASH: `Card`."""
    return _of(photo, "p")


def place(id: PhotoId | CommentId) -> str:
    """The id padded to 19 digits, so that text order is reveal order (of comments: the order they were posted in)."""
    return id.rjust(19, "0")


def photo_at(place: str) -> PhotoId:
    """The photo id of a `place`."""
    return PhotoId(place.lstrip("0"))


# --- reactions: all beside their photo, whoever made them -------------------------------------------------------------


def likers(photo: PhotoId) -> Key:
    """SET of users who like the photo."""
    return _of(photo, "lk")


def comments(photo: PhotoId) -> Key:
    """ZSET, all scores 0: `place` of each comment that was ever posted, deleted ones too."""
    return _of(photo, "co")


def deleted_comments(photo: PhotoId) -> Key:
    """SET of the photo's comments that are gone: for counting; each comment says it, too."""
    return _of(photo, "cd")


def comment(photo: PhotoId, comment: CommentId) -> Key:
    """HASH: `Comment`."""
    return Key(f"{_of(photo, 'cm')}:{comment}")


def comment_at(place: str) -> CommentId:
    """The comment id of a `place`."""
    return CommentId(place.lstrip("0"))


# --- moderation -------------------------------------------------------------------------------------------------------


def reports(photo: PhotoId) -> Key:
    """HASH user -> reason: who reported the photo since a moderator last decided about it."""
    return _of(photo, "re")


def reported(bucket: int) -> Key:
    """SET of the photos of `bucket` that moderators have to look at."""
    return _in(bucket, "reported")


# --- who is who, and what was done already ----------------------------------------------------------------------------


def password(user: UserId) -> Key:
    """STRING: the user's Argon2id hash."""
    return _of(user, "pw")


def session(token_sha256: str) -> Key:
    """STRING `<user id>`, expiring with the session."""
    return _in(bucket_of_text(token_sha256), f"se:{token_sha256}")


def sessions(user: UserId, day: datetime) -> Key:
    """SET of the SHA-256 of the user's tokens that expire, or would have, on this UTC day; gone when it is over."""
    return Key(f"{_of(user, 'ss')}:{day.astimezone(UTC):%Y%m%d}")


def day_after(at: datetime) -> datetime:
    """When the UTC day of `at` is over."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def entity(fact: FactId) -> Key:
    """STRING: id of what the fact made (user, roll, photo, comment), with which a retried command is answered."""
    return _in(bucket_of_text(str(fact)), f"fa:{fact}")


# --- ingest's own short keys: may be lost, never rebuilt --------------------------------------------------------------


def username_lease(name: str) -> Key:
    """STRING: who is registering under this name just now, until the view of the name says it for good."""
    folded = folded_username(name)
    return _in(bucket_of_text(folded), f"nl:{folded}")


def command_lease(fact: FactId) -> Key:
    """STRING: the command that makes this fact is being carried out, or was: its body's hash and its fact."""
    return _in(bucket_of_text(str(fact)), f"cl:{fact}")


# --- live metrics -----------------------------------------------------------------------------------------------------


def minute(at: datetime) -> Key:
    """HASH name -> count of what the minute of `at` received (`events:<type>`, `facts:<type>`, and both sums)."""
    stamp = at.strftime("%Y%m%dT%H%M")
    return _in(bucket_of_text(stamp), f"m:{stamp}")


def active(at: datetime) -> Key:
    """HyperLogLog of people active on the UTC day of `at`."""
    stamp = at.strftime("%Y%m%d")
    return _in(bucket_of_text(stamp), f"act:{stamp}")
