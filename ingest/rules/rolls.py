"""Who may open, share and join a roll."""

from datetime import datetime, timedelta

import msgspec

from ingest.rules import reveal, words
from schemas.facts import RollInviteCreated, RollJoined, RollOpened, RollText, Visibility
from schemas.ids import FactId, RollId, UserId
from schemas.objects import FILMS
from schemas.problems import Refused
from schemas.projections import Invite, Roll

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


class KnownRoll(msgspec.Struct, frozen=True):
    """A roll as the person who commands sees it."""

    roll: Roll
    member: bool


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


def decide_invite(
    known: KnownRoll | None, *, token_sha256: str, roll: RollId, id: FactId, by: UserId, at: datetime
) -> RollInviteCreated | Refused:
    """An invite, if `by` owns the roll. Who may not see the roll learns nothing of it."""
    if known is None or not may_see(known):
        return Refused("not_found", "there is no such roll")
    if known.roll.owner != by:
        return Refused("forbidden", "only its owner invites to a roll")
    expires_at = at + INVITE_LASTS
    return RollInviteCreated(id=id, at=at, by=by, roll=roll, token_sha256=token_sha256, expires_at=expires_at)


def decide_joining(invite: Invite | None, *, id: FactId, by: UserId, at: datetime) -> RollJoined | Refused:
    """Membership for whoever holds a good invite; joining twice is once."""
    if invite is None:
        return Refused("not_found", "there is no such invite")
    if invite.expires_at <= at:
        return Refused("invite_expired", "the invite has expired")
    return RollJoined(id=id, at=at, by=by, roll=invite.roll)


def may_see(known: KnownRoll) -> bool:
    """Public rolls are everyone's to see, private ones their members'."""
    return known.member or known.roll.visibility == "public"
