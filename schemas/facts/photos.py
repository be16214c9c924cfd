"""Facts about photos: captured, developed or spoiled, deleted."""

from datetime import date, datetime

import msgspec

from schemas.facts.base import BaseFact, Visibility
from schemas.ids import PhotoId, RollId, UploadId


class PhotoText(msgspec.Struct, frozen=True, kw_only=True):
    """What the author wrote under a photo."""

    caption: str | None = None


class PhotoCaptured(BaseFact, frozen=True, kw_only=True):
    """An original lies in the bucket as `original` with this `etag`; it will be revealed at `reveal_at`.

    The reveal never moves once it stands here. `secret` (128 random bits, hex) makes the renditions' keys unguessable.
    `taken_on` is the day it was taken for whoever took it, for films that stamp it; the oldest facts have none.
    """

    photo: PhotoId
    upload: UploadId
    original: str
    etag: str
    secret: str
    reveal_at: datetime
    film: str
    roll: RollId | None = None
    taken_at: datetime | None = None
    taken_on: date | None = None
    visibility: Visibility = "public"
    personal: PhotoText = PhotoText()


class RenditionFact(msgspec.Struct, frozen=True, kw_only=True):
    """One size of a developed photo, and where it lies in the bucket."""

    name: str
    key: str
    width_px: int
    height_px: int
    bytes: int


class PhotoDeveloped(BaseFact, frozen=True, kw_only=True):
    """The film did its work; `by` is the author. Fan-out starts here, sealed until the reveal in the photo's id."""

    photo: PhotoId
    width_px: int
    height_px: int
    placeholder: str
    renditions: tuple[RenditionFact, ...]
    roll: RollId | None = None
    visibility: Visibility = "public"


class PhotoSpoiled(BaseFact, frozen=True, kw_only=True):
    """The original could not be developed, for a stable `reason`; the photo is never revealed to anyone else."""

    photo: PhotoId
    reason: str


class PhotoDeleted(BaseFact, frozen=True, kw_only=True):
    """The author took the photo back; wins over whatever is processed later."""

    photo: PhotoId
    roll: RollId | None = None


PhotoFact = PhotoCaptured | PhotoDeveloped | PhotoSpoiled | PhotoDeleted
