"""Facts about what people say of photos: likes and comments."""

import msgspec

from schemas.facts.base import BaseFact
from schemas.ids import CommentId, PhotoId


class PhotoLiked(BaseFact, frozen=True, kw_only=True):
    """`by` likes the photo from now on."""

    photo: PhotoId


class PhotoUnliked(BaseFact, frozen=True, kw_only=True):
    """`by` no longer likes the photo."""

    photo: PhotoId


class CommentText(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says of a photo."""

    text: str


class CommentPosted(BaseFact, frozen=True, kw_only=True):
    """`by` says something of the photo, perhaps in reply to another comment of the same photo."""

    photo: PhotoId
    comment: CommentId
    reply_to: CommentId | None = None
    personal: CommentText


class CommentDeleted(BaseFact, frozen=True, kw_only=True):
    """The comment is gone for good: `by`, who wrote it or took the photo, wants it so. Replies to it stay."""

    photo: PhotoId
    comment: CommentId


ReactionFact = PhotoLiked | PhotoUnliked | CommentPosted | CommentDeleted  # said of a photo by who sees it
