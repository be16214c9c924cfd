"""Facts about what is reported, taken down or suspended."""

from datetime import datetime

from schemas.facts import (
    PhotoReported,
    PhotoTakenDown,
    TakedownReversed,
    UserReinstated,
    UserSuspended,
)
from schemas.ids import PhotoId, UserId
from tests.builders.ids import NOON, a_fact_id, a_photo


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
