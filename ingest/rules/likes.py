"""Who may like a photo: whoever sees it revealed."""

from datetime import datetime

from ingest.rules.photos import NO_PHOTO, KnownPhoto, is_revealed_to
from schemas.facts import PhotoLiked, PhotoUnliked
from schemas.ids import FactId, PhotoId, UserId
from schemas.problems import Refused


def decide_liking(
    known: KnownPhoto | None, *, photo: PhotoId, id: FactId, by: UserId, at: datetime
) -> PhotoLiked | Refused:
    """A like. Liking twice is two facts and one effect: views may lag behind an unlike, so they are not asked."""
    if not is_revealed_to(known, photo, by, at):
        return NO_PHOTO
    return PhotoLiked(id=id, at=at, by=by, photo=photo)


def decide_unliking(
    known: KnownPhoto | None, *, photo: PhotoId, id: FactId, by: UserId, at: datetime
) -> PhotoUnliked | Refused:
    """The end of a like; harmless where there was none."""
    if not is_revealed_to(known, photo, by, at):
        return NO_PHOTO
    return PhotoUnliked(id=id, at=at, by=by, photo=photo)
