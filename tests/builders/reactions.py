"""Facts about what others do with a photo: like, comment."""

from datetime import datetime

from schemas.facts import (
    CommentDeleted,
    CommentPosted,
    CommentText,
    PhotoLiked,
    PhotoUnliked,
)
from schemas.ids import CommentId, PhotoId, UserId
from tests.builders.ids import NOON, a_comment, a_fact_id, a_photo


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
