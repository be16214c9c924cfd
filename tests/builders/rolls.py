"""Facts about rolls, and who is in."""

from datetime import datetime

from schemas.facts import (
    RollClosed,
    RollInviteCreated,
    RollInviteRevoked,
    RollJoined,
    RollLeft,
    RollMemberRemoved,
    RollOpened,
    RollRenamed,
    RollText,
    Visibility,
)
from schemas.ids import RollId, UserId
from tests.builders.ids import NOON, TOMORROW, a_fact_id, a_roll, a_token, a_user


def roll_opened(
    by: UserId | None = None,
    roll: RollId | None = None,
    name: str = "Lisbon",
    visibility: Visibility = "private",
    film: str = "darkroom-400",
    develop: str = "09:00",
    at: datetime = NOON,
) -> RollOpened:
    by = by or a_user()
    roll = roll or a_roll(by)
    text = RollText(name=name)
    return RollOpened(
        id=a_fact_id("opened", roll), at=at, by=by, roll=roll, film=film, develop=develop, tz="UTC",
        visibility=visibility, personal=text,
    )  # fmt: skip


def roll_invite_created(
    by: UserId | None = None,
    roll: RollId | None = None,
    token_sha256: str | None = None,
    expires_at: datetime = TOMORROW,
) -> RollInviteCreated:
    by = by or a_user()
    roll = roll or a_roll(by)
    token = token_sha256 or a_token(f"invite to {roll}")
    return RollInviteCreated(
        id=a_fact_id("invited", roll, token), at=NOON, by=by, roll=roll, token_sha256=token, expires_at=expires_at
    )


def roll_joined(by: UserId, roll: RollId, at: datetime = NOON) -> RollJoined:
    return RollJoined(id=a_fact_id("joined", by, roll), at=at, by=by, roll=roll)


def roll_renamed(by: UserId, roll: RollId, name: str = "Porto", at: datetime = NOON) -> RollRenamed:
    return RollRenamed(id=a_fact_id("renamed", roll, name), at=at, by=by, roll=roll, personal=RollText(name=name))


def roll_closed(by: UserId, roll: RollId, at: datetime = NOON) -> RollClosed:
    return RollClosed(id=a_fact_id("closed", roll), at=at, by=by, roll=roll)


def roll_invite_revoked(
    by: UserId, roll: RollId, token_sha256: str | None = None, at: datetime = NOON
) -> RollInviteRevoked:
    token = token_sha256 or a_token(f"invite to {roll}")
    return RollInviteRevoked(id=a_fact_id("revoked", roll, token), at=at, by=by, roll=roll, token_sha256=token)


def roll_left(by: UserId, roll: RollId, at: datetime = NOON) -> RollLeft:
    return RollLeft(id=a_fact_id("left", by, roll, at), at=at, by=by, roll=roll)


def roll_member_removed(by: UserId, roll: RollId, whom: UserId, at: datetime = NOON) -> RollMemberRemoved:
    return RollMemberRemoved(id=a_fact_id("removed", roll, whom, at), at=at, by=by, roll=roll, whom=whom)
