"""Facts about rolls: opened, joined by invite, left, closed."""

from datetime import datetime

import msgspec

from schemas.facts.base import BaseFact, Visibility
from schemas.ids import RollId, UserId


class RollText(msgspec.Struct, frozen=True, kw_only=True):
    """What people call a roll."""

    name: str


class RollOpened(BaseFact, frozen=True, kw_only=True):
    """`by` owns the roll and is its first member.

    `develop` says when photos taken into it are revealed: at a local time in `tz` ("09:00"), or each time so long has
    passed since the roll was opened ("10s").
    """

    roll: RollId
    film: str
    develop: str
    tz: str
    visibility: Visibility
    personal: RollText


class RollRenamed(BaseFact, frozen=True, kw_only=True):
    """The roll has another name."""

    roll: RollId
    personal: RollText


class RollClosed(BaseFact, frozen=True, kw_only=True):
    """Nobody joins the roll and nothing is taken into it any more; what was taken is revealed as it was to be."""

    roll: RollId


class RollInviteCreated(BaseFact, frozen=True, kw_only=True):
    """Whoever knows the token may join until `expires_at`; only the token's SHA-256 (hex) is kept."""

    roll: RollId
    token_sha256: str
    expires_at: datetime


class RollInviteRevoked(BaseFact, frozen=True, kw_only=True):
    """The token with this SHA-256 (hex) opens nothing any more."""

    roll: RollId
    token_sha256: str


class RollJoined(BaseFact, frozen=True, kw_only=True):
    """`by` is a member of the roll from now on."""

    roll: RollId


class RollLeft(BaseFact, frozen=True, kw_only=True):
    """`by` is no longer a member of the roll; their photos stay in it."""

    roll: RollId


class RollMemberRemoved(BaseFact, frozen=True, kw_only=True):
    """`whom` is no longer a member: `by`, who owns the roll, wants it so. Older invites do not let them in again."""

    roll: RollId
    whom: UserId


RollFact = (
    RollOpened
    | RollRenamed
    | RollClosed
    | RollInviteCreated
    | RollInviteRevoked
    | RollJoined
    | RollLeft
    | RollMemberRemoved
)
