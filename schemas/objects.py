"""S3: every key in the bucket, and the limits of what may lie there. The bucket is private."""

from typing import Literal

from schemas.ids import PhotoId, UploadId, UserId

RenditionName = Literal["large", "medium", "small"]

MAX_UPLOAD_BYTES = 25_000_000
UPLOAD_TYPES = ("image/jpeg", "image/png", "image/webp", "image/heic", "image/heif")
# The first is the default; their looks are in processors/rules/stocks.py, a test compares.
FILMS = ("darkroom-400", "daylight-100", "linen-160", "lantern-800", "getaway-200", "silver-400", "keepsake-200")
TICKET_SECONDS = 300  # a presigned upload is good for five minutes
LINK_SECONDS = 3600  # a signed media link for an hour at most


def original(user: UserId, upload: UploadId) -> str:
    """Where a ticket lets a phone put its bytes: exactly here."""
    return f"{originals(user)}{upload}"


def originals(user: UserId) -> str:
    """How the keys of all that a user ever uploaded begin."""
    return f"uploads/{user}/"


def rendition(photo: PhotoId, secret: str, name: RenditionName) -> str:
    """Where a developed size lies; `secret` (128 random bits, hex, from the fact) makes it unguessable."""
    return f"{renditions(photo)}{secret}/{name}.jpg"


def renditions(photo: PhotoId) -> str:
    """How the keys of all sizes of a photo begin."""
    return f"{photo}/"
