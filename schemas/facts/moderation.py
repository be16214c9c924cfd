"""Facts about what people report, and what moderators take from all others, or give back."""

from typing import Literal

import msgspec

from schemas.facts.base import BaseFact
from schemas.ids import PhotoId, UserId

# why somebody reports a photo, and why a moderator takes it down
Reason = Literal["nudity", "violence", "hate", "harassment", "self_harm", "illegal", "copyright", "spam", "other"]


class ReportText(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody adds to a report in their own words."""

    text: str | None = None


class PhotoReported(BaseFact, frozen=True, kw_only=True):
    """`by`, who sees the photo, thinks that it should be gone. Moderators alone learn of it."""

    photo: PhotoId
    reason: Reason
    personal: ReportText = ReportText()


class PhotoTakenDown(BaseFact, frozen=True, kw_only=True):
    """The moderator `by` hides the photo from all but moderators, its author too. Nothing of it is removed."""

    photo: PhotoId
    reason: Reason


class TakedownReversed(BaseFact, frozen=True, kw_only=True):
    """The moderator `by` lets the photo stand: a takedown ends, and so do reports that are open."""

    photo: PhotoId


ModerationFact = PhotoReported | PhotoTakenDown | TakedownReversed  # about a photo, by somebody else than its author


class UserSuspended(BaseFact, frozen=True, kw_only=True):
    """The moderator `by` hides `whom`, their photos and what they say from all, and their commands are refused."""

    whom: UserId
    reason: Reason


class UserReinstated(BaseFact, frozen=True, kw_only=True):
    """The moderator `by` ends what `UserSuspended` began; nothing was lost."""

    whom: UserId


SuspensionFact = UserSuspended | UserReinstated  # about a person, by a moderator
