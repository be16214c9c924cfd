"""Who may open, rename, close, share, join and leave a roll."""

from datetime import datetime, timedelta

import msgspec

from ingest.rules import reveal, words
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
from schemas.hashes import Invite, Roll
from schemas.ids import FactId, RollId, UserId
from schemas.objects import FILMS
from schemas.problems import Refused

NO_ROLL = Refused("not_found", "there is no such roll")
NO_INVITE = Refused("not_found", "there is no such invite")
ROLL_IS_CLOSED = Refused("roll_closed", "the roll is closed: nobody joins it and nothing is taken into it")
INVITE_LASTS = timedelta(days=7)  # long enough for a friend who reads messages at the weekend


class OpenRoll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/rolls`. `develop` is a local time ("09:00") or a delay that repeats from now ("10s"; a week at most).

    `tz` left out is the owner's.
    """

    name: str
    film: str = FILMS[0]
    develop: str = reveal.DEFAULT_DEVELOP
    tz: str | None = None
    visibility: Visibility = "private"


class RenameRoll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`PATCH /v1/rolls/{id}`. Film, develop time and zone stay: photos were taken with them in mind."""

    name: str


class KnownRoll(msgspec.Struct, frozen=True):
    """A roll as the person who commands sees it. `blocked`: they and its owner, one way or the other."""

    roll: Roll
    member: bool
    blocked: bool = False
    removed_at: datetime | None = None


def decide_opening(
    command: OpenRoll, *, home_tz: str, id: FactId, roll: RollId, by: UserId, at: datetime
) -> RollOpened | Refused:
    """The roll, unless a member of the command is wrong."""
    tz = command.tz if command.tz is not None else home_tz
    if refused := _fault(command, tz):
        return refused
    return RollOpened(
        id=id, at=at, by=by, roll=roll, film=command.film, develop=command.develop, tz=tz,
        visibility=command.visibility, personal=RollText(name=words.canonical(command.name) or ""),
    )  # fmt: skip


def _fault(command: OpenRoll, tz: str) -> Refused | None:
    if refused := words.name_fault(command.name, "/name"):
        return refused
    if command.film not in FILMS:
        return words.wrong("bad_film", "/film", f"film is none of {', '.join(FILMS)}")
    if reveal.clock(command.develop) is None and reveal.delay(command.develop) is None:
        return words.wrong("bad_develop", "/develop", "develop is neither HH:MM nor a delay such as 10s, 5m, 2h")
    return None if reveal.zone(tz) else words.wrong("bad_timezone", "/tz", "tz is no IANA time zone")


def decide_renaming(
    known: KnownRoll | None, command: RenameRoll, *, roll: RollId, id: FactId, by: UserId, at: datetime
) -> RollRenamed | Refused:
    """Another name, if `by` owns the roll; a closed one may be renamed too."""
    if refused := _not_owned(known, by) or words.name_fault(command.name, "/name"):
        return refused
    name = words.canonical(command.name) or ""
    return RollRenamed(id=id, at=at, by=by, roll=roll, personal=RollText(name=name))


def decide_closing(
    known: KnownRoll | None, *, roll: RollId, id: FactId, by: UserId, at: datetime
) -> RollClosed | Refused | None:
    """The end of taking and joining, if `by` owns the roll; None when it has come already."""
    if refused := _not_owned(known, by):
        return refused
    return None if known and known.roll.closed_at else RollClosed(id=id, at=at, by=by, roll=roll)


def decide_invite(
    known: KnownRoll | None, *, token_sha256: str, roll: RollId, id: FactId, by: UserId, at: datetime
) -> RollInviteCreated | Refused:
    """An invite, if `by` owns the roll. Who may not see the roll learns nothing of it."""
    if refused := _not_owned(known, by) or _closed(known):
        return refused
    expires_at = at + INVITE_LASTS
    return RollInviteCreated(id=id, at=at, by=by, roll=roll, token_sha256=token_sha256, expires_at=expires_at)


def decide_revoking(
    known: KnownRoll | None, invite: Invite | None, *, token_sha256: str, roll: RollId, id: FactId, by: UserId,
    at: datetime,
) -> RollInviteRevoked | Refused | None:  # fmt: skip
    """The end of an invite to this very roll, if `by` owns it; None when it has come already."""
    if refused := _not_owned(known, by):
        return refused
    if invite is None or invite.roll != roll:
        return NO_INVITE
    if invite.revoked_at:
        return None
    return RollInviteRevoked(id=id, at=at, by=by, roll=roll, token_sha256=token_sha256)


def decide_joining(
    invite: Invite | None, known: KnownRoll | None, *, id: FactId, by: UserId, at: datetime
) -> RollJoined | Refused:
    """Membership for whoever holds a good invite; joining twice is once.

    An invite that was made before its bearer was removed is none to them: a link that lies about must not undo it.
    """
    if invite is None or known is None or invite.revoked_at or known.blocked:
        return NO_INVITE
    if known.removed_at and (invite.created_at or invite.expires_at - INVITE_LASTS) <= known.removed_at:
        return NO_INVITE
    if invite.expires_at <= at:
        return Refused("invite_expired", "the invite has expired")
    return _closed(known) or RollJoined(id=id, at=at, by=by, roll=invite.roll)


def decide_leaving(
    known: KnownRoll | None, whom: UserId, *, roll: RollId, is_member: bool, id: FactId, by: UserId, at: datetime
) -> RollLeft | RollMemberRemoved | Refused | None:
    """`whom` is no member any more, if it is `by`, or `by` owns the roll; None when they are none already."""
    if known is None or not may_see(known):
        return NO_ROLL
    owner = known.roll.owner
    if by not in (whom, owner):
        return Refused("forbidden", "only its owner removes others from a roll")
    if whom == owner:
        return Refused("forbidden", "its owner closes a roll instead of leaving it")
    if not is_member:
        return None
    if whom == by:
        return RollLeft(id=id, at=at, by=by, roll=roll)
    return RollMemberRemoved(id=id, at=at, by=by, roll=roll, whom=whom)


def may_see(known: KnownRoll) -> bool:
    """Public rolls are everyone's to see, private ones their members'; none is whom its owner blocks, or who does."""
    return not known.blocked and (known.member or known.roll.visibility == "public")


def _not_owned(known: KnownRoll | None, by: UserId) -> Refused | None:
    if known is None or not may_see(known):
        return NO_ROLL
    return None if known.roll.owner == by else Refused("forbidden", "only the owner of a roll may do this")


def _closed(known: KnownRoll | None) -> Refused | None:
    return ROLL_IS_CLOSED if known and known.roll.closed_at else None
