"""Who may report a photo, and what moderators may do about it. Who is a moderator is the edge's affair."""

from datetime import datetime

import msgspec

from ingest.rules import words
from ingest.rules.photos import NO_PHOTO, KnownPhoto, is_revealed_to
from ingest.rules.social import NOBODY, ONESELF
from schemas.facts import (
    PhotoReported,
    PhotoTakenDown,
    Reason,
    ReportText,
    TakedownReversed,
    UserReinstated,
    UserSuspended,
)
from schemas.hashes import Card, Profile
from schemas.ids import FactId, PhotoId, UserId
from schemas.problems import Refused

REPORTED = Refused("conflict", "you reported this photo already")


class ReportPhoto(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/photos/{id}/reports`; `text` is read by moderators alone."""

    reason: Reason
    text: str | None = None


class TakeDown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`PUT /v1/photos/{id}/takedown`."""

    reason: Reason


class Suspend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`PUT /v1/users/{id}/suspension`."""

    reason: Reason


def decide_report(
    command: ReportPhoto, known: KnownPhoto | None, has_reported: bool, *, photo: PhotoId, id: FactId, by: UserId,
    at: datetime,
) -> PhotoReported | Refused:  # fmt: skip
    """The report, if `by` sees the photo revealed, and did not report it since a moderator last decided."""
    if not is_revealed_to(known, photo, by, at):
        return NO_PHOTO
    if command.text is not None and (refused := words.text_fault(command.text, "/text")):
        return refused
    if has_reported:
        return REPORTED
    said = ReportText(text=words.canonical(command.text))
    return PhotoReported(id=id, at=at, by=by, photo=photo, reason=command.reason, personal=said)


def decide_takedown(
    command: TakeDown, card: Card | None, *, photo: PhotoId, id: FactId, by: UserId, at: datetime
) -> PhotoTakenDown | Refused:
    """Twice is two facts and one effect: views may lag behind a reversal, so they are not asked for one."""
    if card is None or card.author is None or card.deleted_at:
        return NO_PHOTO
    return PhotoTakenDown(id=id, at=at, by=by, photo=photo, reason=command.reason)


def decide_reversal(
    card: Card | None, *, photo: PhotoId, id: FactId, by: UserId, at: datetime
) -> TakedownReversed | Refused:
    """The photo stands, or its author took it back; what is reported of it is settled, taken down or not."""
    if card is None or card.author is None:
        return NO_PHOTO
    return TakedownReversed(id=id, at=at, by=by, photo=photo)


def decide_suspension(
    command: Suspend, known: Profile | None, whom: UserId, *, id: FactId, by: UserId, at: datetime
) -> UserSuspended | Refused:
    """Twice is two facts and one effect, as with takedowns. Nobody locks themselves out."""
    if whom == by:
        return ONESELF
    if known is None:
        return NOBODY
    return UserSuspended(id=id, at=at, by=by, whom=whom, reason=command.reason)


def decide_reinstatement(
    known: Profile | None, whom: UserId, *, id: FactId, by: UserId, at: datetime
) -> UserReinstated | Refused:
    """Harmless for whoever is not suspended."""
    return NOBODY if known is None else UserReinstated(id=id, at=at, by=by, whom=whom)
