"""Facts about photos, from the capture to whatever became of it."""

from datetime import datetime
from hashlib import sha256

from schemas import ids
from schemas.facts import (
    PhotoCaptured,
    PhotoDeleted,
    PhotoDeveloped,
    PhotoSpoiled,
    PhotoText,
    RenditionFact,
    Visibility,
)
from schemas.ids import PhotoId, RollId, UploadId, UserId
from tests.builders.ids import NOON, a_fact_id, a_photo, a_user


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
