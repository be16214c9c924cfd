"""Builders: values with sensible defaults, so that a test shows only what matters in it.

The same call gives the same value, ids included: `a_user("ana")` is one person everywhere. For a member that a builder
does not name, `msgspec.structs.replace(fact, member=...)`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid5
from zlib import crc32

import msgspec

from schemas import ids
from schemas.events import EventsRecord
from schemas.facts import (
    AccountText,
    CommentDeleted,
    CommentPosted,
    CommentText,
    FollowAccepted,
    FollowDeclined,
    FollowerRemoved,
    FollowRequested,
    PhotoCaptured,
    PhotoDeleted,
    PhotoDeveloped,
    PhotoLiked,
    PhotoReported,
    PhotoSpoiled,
    PhotoTakenDown,
    PhotoText,
    PhotoUnliked,
    PreferencesChanged,
    RenditionFact,
    RollClosed,
    RollInviteCreated,
    RollInviteRevoked,
    RollJoined,
    RollLeft,
    RollMemberRemoved,
    RollOpened,
    RollRenamed,
    RollText,
    TakedownReversed,
    UserBlocked,
    UserErased,
    UserFollowed,
    UserMuted,
    UserRegistered,
    UserReinstated,
    UserSuspended,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
    Visibility,
)
from schemas.ids import BUCKETS, CommentId, FactId, PhotoId, RollId, UploadId, UserId
from schemas.secrets import Password, Session
from schemas.topics import FACTS, Origin, Topic

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)  # "now" in tests that need one
MORNING = NOON - timedelta(hours=3)  # a reveal that has come
TOMORROW = NOON + timedelta(hours=21)  # a reveal that has not
FAR = datetime(2080, 1, 1, tzinfo=UTC)  # a server with a clock of its own, like Redis, must not call it past

_FACTS = UUID("00000000-0000-5000-8000-00000000da4c")

# --- ids --------------------------------------------------------------------------------------------------------------


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


# --- facts ------------------------------------------------------------------------------------------------------------


def user_registered(
    by: UserId | None = None,
    username: str = "ana",
    display_name: str | None = None,
    tz: str = "UTC",
    at: datetime = NOON,
) -> UserRegistered:
    by = by or a_user(username)
    personal = AccountText(username=username, display_name=display_name)
    return UserRegistered(id=a_fact_id("registered", by, username), at=at, by=by, tz=tz, personal=personal)


def user_erased(by: UserId, at: datetime = NOON) -> UserErased:
    return UserErased(id=a_fact_id("erased", by, at), at=at, by=by)


def user_followed(by: UserId, whom: UserId, at: datetime = NOON) -> UserFollowed:
    return UserFollowed(id=a_fact_id("followed", by, whom, at), at=at, by=by, whom=whom)


def user_unfollowed(by: UserId, whom: UserId, at: datetime = NOON) -> UserUnfollowed:
    return UserUnfollowed(id=a_fact_id("unfollowed", by, whom, at), at=at, by=by, whom=whom)


def follow_requested(by: UserId, whom: UserId, at: datetime = NOON) -> FollowRequested:
    return FollowRequested(id=a_fact_id("requested", by, whom, at), at=at, by=by, whom=whom)


def follow_accepted(by: UserId, whom: UserId, at: datetime = NOON) -> FollowAccepted:
    return FollowAccepted(id=a_fact_id("accepted", by, whom, at), at=at, by=by, whom=whom)


def follow_declined(by: UserId, whom: UserId, at: datetime = NOON) -> FollowDeclined:
    return FollowDeclined(id=a_fact_id("declined", by, whom, at), at=at, by=by, whom=whom)


def follower_removed(by: UserId, whom: UserId, at: datetime = NOON) -> FollowerRemoved:
    return FollowerRemoved(id=a_fact_id("follower removed", by, whom, at), at=at, by=by, whom=whom)


def user_blocked(by: UserId, whom: UserId, at: datetime = NOON) -> UserBlocked:
    return UserBlocked(id=a_fact_id("blocked", by, whom, at), at=at, by=by, whom=whom)


def user_unblocked(by: UserId, whom: UserId, at: datetime = NOON) -> UserUnblocked:
    return UserUnblocked(id=a_fact_id("unblocked", by, whom, at), at=at, by=by, whom=whom)


def user_muted(by: UserId, whom: UserId, at: datetime = NOON) -> UserMuted:
    return UserMuted(id=a_fact_id("muted", by, whom, at), at=at, by=by, whom=whom)


def user_unmuted(by: UserId, whom: UserId, at: datetime = NOON) -> UserUnmuted:
    return UserUnmuted(id=a_fact_id("unmuted", by, whom, at), at=at, by=by, whom=whom)


def preferences_changed(by: UserId, visibility: Visibility = "private", at: datetime = NOON) -> PreferencesChanged:
    return PreferencesChanged(id=a_fact_id("preferences", by, visibility, at), at=at, by=by, visibility=visibility)


def roll_opened(
    by: UserId | None = None,
    roll: RollId | None = None,
    name: str = "Lisbon",
    visibility: Visibility = "private",
    film: str = "darkroom-400",
    develop: str = "09:00",
    at: datetime = NOON,
) -> RollOpened:
    by = by or a_user()
    roll = roll or a_roll(by)
    text = RollText(name=name)
    return RollOpened(
        id=a_fact_id("opened", roll), at=at, by=by, roll=roll, film=film, develop=develop, tz="UTC",
        visibility=visibility, personal=text,
    )  # fmt: skip


def roll_invite_created(
    by: UserId | None = None,
    roll: RollId | None = None,
    token_sha256: str | None = None,
    expires_at: datetime = TOMORROW,
) -> RollInviteCreated:
    by = by or a_user()
    roll = roll or a_roll(by)
    token = token_sha256 or a_token(f"invite to {roll}")
    return RollInviteCreated(
        id=a_fact_id("invited", roll, token), at=NOON, by=by, roll=roll, token_sha256=token, expires_at=expires_at
    )


def roll_joined(by: UserId, roll: RollId, at: datetime = NOON) -> RollJoined:
    return RollJoined(id=a_fact_id("joined", by, roll), at=at, by=by, roll=roll)


def roll_renamed(by: UserId, roll: RollId, name: str = "Porto", at: datetime = NOON) -> RollRenamed:
    return RollRenamed(id=a_fact_id("renamed", roll, name), at=at, by=by, roll=roll, personal=RollText(name=name))


def roll_closed(by: UserId, roll: RollId, at: datetime = NOON) -> RollClosed:
    return RollClosed(id=a_fact_id("closed", roll), at=at, by=by, roll=roll)


def roll_invite_revoked(
    by: UserId, roll: RollId, token_sha256: str | None = None, at: datetime = NOON
) -> RollInviteRevoked:
    token = token_sha256 or a_token(f"invite to {roll}")
    return RollInviteRevoked(id=a_fact_id("revoked", roll, token), at=at, by=by, roll=roll, token_sha256=token)


def roll_left(by: UserId, roll: RollId, at: datetime = NOON) -> RollLeft:
    return RollLeft(id=a_fact_id("left", by, roll, at), at=at, by=by, roll=roll)


def roll_member_removed(by: UserId, roll: RollId, whom: UserId, at: datetime = NOON) -> RollMemberRemoved:
    return RollMemberRemoved(id=a_fact_id("removed", roll, whom, at), at=at, by=by, roll=roll, whom=whom)


def photo_captured(
    by: UserId | None = None,
    photo: PhotoId | None = None,
    roll: RollId | None = None,
    visibility: Visibility = "public",
    caption: str | None = None,
    film: str = "darkroom-400",
    taken_at: datetime | None = None,
    at: datetime = NOON,
) -> PhotoCaptured:
    by = by or a_user()
    photo = photo or a_photo(by)
    upload = UploadId(sha256(photo.encode()).hexdigest()[:32])
    return PhotoCaptured(
        id=a_fact_id("captured", photo), at=at, by=by, photo=photo, upload=upload, original=f"originals/{upload}",
        etag="e" * 32, secret="5" * 32, reveal_at=ids.second(photo), film=film, roll=roll, taken_at=taken_at,
        visibility=visibility, personal=PhotoText(caption=caption),
    )  # fmt: skip


def photo_developed(
    by: UserId | None = None,
    photo: PhotoId | None = None,
    roll: RollId | None = None,
    visibility: Visibility = "public",
    at: datetime = NOON,
) -> PhotoDeveloped:
    by = by or a_user()
    photo = photo or a_photo(by)
    return PhotoDeveloped(
        id=a_fact_id("developed", photo), at=at, by=by, photo=photo, width_px=2048, height_px=1365, placeholder="LEHV",
        renditions=tuple(_rendition(photo, name, width) for name, width in (("large", 2048), ("small", 320))),
        roll=roll, visibility=visibility,
    )  # fmt: skip


def _rendition(photo: PhotoId, name: str, width_px: int) -> RenditionFact:
    key = f"{photo}/{'5' * 32}/{name}.jpg"
    return RenditionFact(name=name, key=key, width_px=width_px, height_px=width_px * 2 // 3, bytes=width_px * 100)


def photo_spoiled(
    by: UserId | None = None, photo: PhotoId | None = None, reason: str = "not_an_image", at: datetime = NOON
) -> PhotoSpoiled:
    by = by or a_user()
    photo = photo or a_photo(by)
    return PhotoSpoiled(id=a_fact_id("spoiled", photo), at=at, by=by, photo=photo, reason=reason)


def photo_deleted(
    by: UserId | None = None, photo: PhotoId | None = None, roll: RollId | None = None, at: datetime = NOON
) -> PhotoDeleted:
    by = by or a_user()
    photo = photo or a_photo(by)
    return PhotoDeleted(id=a_fact_id("deleted", photo), at=at, by=by, photo=photo, roll=roll)


def photo_reported(by: UserId, photo: PhotoId | None = None, at: datetime = NOON) -> PhotoReported:
    photo = photo or a_photo(by)
    return PhotoReported(id=a_fact_id("reported", by, photo, at), at=at, by=by, photo=photo, reason="spam")


def photo_taken_down(by: UserId, photo: PhotoId | None = None, at: datetime = NOON) -> PhotoTakenDown:
    photo = photo or a_photo(by)
    return PhotoTakenDown(id=a_fact_id("taken down", by, photo, at), at=at, by=by, photo=photo, reason="spam")


def takedown_reversed(by: UserId, photo: PhotoId | None = None, at: datetime = NOON) -> TakedownReversed:
    photo = photo or a_photo(by)
    return TakedownReversed(id=a_fact_id("reversed", by, photo, at), at=at, by=by, photo=photo)


def user_suspended(by: UserId, whom: UserId, at: datetime = NOON) -> UserSuspended:
    return UserSuspended(id=a_fact_id("suspended", by, whom, at), at=at, by=by, whom=whom, reason="spam")


def user_reinstated(by: UserId, whom: UserId, at: datetime = NOON) -> UserReinstated:
    return UserReinstated(id=a_fact_id("reinstated", by, whom, at), at=at, by=by, whom=whom)


def photo_liked(by: UserId, photo: PhotoId | None = None, at: datetime = NOON) -> PhotoLiked:
    photo = photo or a_photo(by)
    return PhotoLiked(id=a_fact_id("liked", by, photo, at), at=at, by=by, photo=photo)


def photo_unliked(by: UserId, photo: PhotoId | None = None, at: datetime = NOON) -> PhotoUnliked:
    photo = photo or a_photo(by)
    return PhotoUnliked(id=a_fact_id("unliked", by, photo, at), at=at, by=by, photo=photo)


def comment_posted(
    by: UserId,
    photo: PhotoId | None = None,
    comment: CommentId | None = None,
    text: str = "Fog!",
    reply_to: CommentId | None = None,
    at: datetime = NOON,
) -> CommentPosted:
    photo, comment = photo or a_photo(by), comment or a_comment(by)
    return CommentPosted(
        id=a_fact_id("commented", photo, comment), at=at, by=by, photo=photo, comment=comment, reply_to=reply_to,
        personal=CommentText(text=text),
    )  # fmt: skip


def comment_deleted(
    by: UserId, photo: PhotoId | None = None, comment: CommentId | None = None, at: datetime = NOON
) -> CommentDeleted:
    photo, comment = photo or a_photo(by), comment or a_comment(by)
    return CommentDeleted(id=a_fact_id("uncommented", photo, comment), at=at, by=by, photo=photo, comment=comment)


# --- secrets and events -----------------------------------------------------------------------------------------------


def a_password(user: UserId | None = None, hash: str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA") -> Password:
    return Password(user=user or a_user(), hash=hash)


def a_session(user: UserId | None = None, token_sha256: str | None = None, expires_at: datetime = FAR) -> Session:
    return Session(token_sha256=token_sha256 or a_token(), user=user or a_user(), expires_at=expires_at)


def a_track(event: str = "Photo Taken", **members: object) -> dict[str, object]:
    """One analytics event as a client sends it."""
    return {"type": "track", "event": event, "userId": "ana", "messageId": f"m-{event}", **members}


def an_events_record(
    events: Sequence[Mapping[str, object]] | None = None,
    key: str = "ana",
    received_at: datetime = NOON,
    app: str = "test",
) -> EventsRecord:
    sent = [msgspec.json.encode(event) for event in ([a_track()] if events is None else events)]
    batch, raws = str(a_fact_id("batch", sent)), tuple(map(msgspec.Raw, sent))
    return EventsRecord(app=app, batch_id=batch, received_at=received_at, key=key, events=raws)
