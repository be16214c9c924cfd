from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ingest.rules.rolls import (
    INVITE_LASTS,
    KnownRoll,
    OpenRoll,
    RenameRoll,
    decide_closing,
    decide_invite,
    decide_joining,
    decide_leaving,
    decide_opening,
    decide_renaming,
    decide_revoking,
)
from processors.rules import stocks
from schemas.facts import (
    RollClosed,
    RollInviteCreated,
    RollInviteRevoked,
    RollJoined,
    RollLeft,
    RollMemberRemoved,
    RollOpened,
    RollRenamed,
    Visibility,
)
from schemas.hashes import Invite, Roll
from schemas.objects import FILMS
from schemas.problems import Refused
from tests.builders import NOON, a_fact_id, a_roll, a_token, a_user


def a_known_roll(
    *,
    member: bool = True,
    visibility: Visibility = "private",
    develop: str = "09:00",
    closed: bool = False,
    blocked: bool = False,
    removed_at: datetime | None = None,
) -> KnownRoll:
    roll = Roll(
        owner=a_user(), name="Lisbon", film=FILMS[0], develop=develop, tz="Europe/Lisbon", visibility=visibility,
        opened_at=NOON, closed_at=NOON if closed else None,
    )  # fmt: skip
    return KnownRoll(roll, member, blocked, removed_at)


def opening(**members: Any) -> RollOpened | Refused:
    command = OpenRoll(**{"name": "Lisbon", **members})
    return decide_opening(command, home_tz="Asia/Tokyo", id=a_fact_id(), roll=a_roll(), by=a_user(), at=NOON)


def invite(known: KnownRoll | None, by: str = "ana") -> RollInviteCreated | Refused:
    return decide_invite(known, token_sha256=a_token(), roll=a_roll(), id=a_fact_id(), by=a_user(by), at=NOON)


def test_a_roll_left_to_itself_is_private_and_develops_at_nine_where_its_owner_lives() -> None:
    found = opening()

    assert isinstance(found, RollOpened)
    assert (found.develop, found.tz, found.visibility, found.film) == ("09:00", "Asia/Tokyo", "private", FILMS[0])


@pytest.mark.parametrize("develop", ["00:00", "23:59", "1s", "90m", "168h"])
def test_a_roll_develops_at_a_local_time_or_after_a_delay(develop: str) -> None:
    assert isinstance(opening(develop=develop), RollOpened)


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"name": ""}, "bad_name"),
        ({"name": "\u202e"}, "bad_text"),
        ({"film": "polaroid"}, "bad_film"),
        ({"develop": "soon"}, "bad_develop"),
        ({"develop": "169h"}, "bad_develop"),
        ({"tz": "Nowhere"}, "bad_timezone"),
        ({"tz": ""}, "bad_timezone"),
    ],
)
def test_a_bad_member_is_refused_with_its_code(members: dict[str, Any], code: str) -> None:
    found = opening(**members)

    assert isinstance(found, Refused)
    assert found.code == code


def test_the_owner_invites_for_a_week() -> None:
    found = invite(a_known_roll())

    assert isinstance(found, RollInviteCreated)
    assert found.expires_at == NOON + INVITE_LASTS


def test_a_member_may_not_invite_and_a_stranger_learns_nothing() -> None:
    codes = [
        invite(known, by="ben")
        for known in (a_known_roll(), a_known_roll(member=False), a_known_roll(member=False, visibility="public"), None)
    ]
    assert [found.code for found in codes if isinstance(found, Refused)] == [
        "forbidden", "not_found", "forbidden", "not_found",
    ]  # fmt: skip


def joining(invite: Invite | None, known: KnownRoll | None, at: datetime = NOON) -> RollJoined | Refused:
    return decide_joining(invite, known, id=a_fact_id(), by=a_user("ben"), at=at)


GOOD = Invite(roll=a_roll(), expires_at=NOON + timedelta(seconds=1), created_at=NOON - timedelta(hours=1))
STRANGER = a_known_roll(member=False)


def test_an_invite_opens_its_roll_until_it_expires() -> None:
    found, late = joining(GOOD, STRANGER), joining(GOOD, STRANGER, at=GOOD.expires_at)

    assert isinstance(found, RollJoined)
    assert isinstance(late, Refused)
    assert (found.roll, late.code) == (a_roll(), "invite_expired")


@pytest.mark.parametrize(
    ("invite", "known", "code"),
    [
        (None, STRANGER, "not_found"),
        (GOOD, None, "not_found"),
        (replace(GOOD, revoked_at=NOON), STRANGER, "not_found"),
        (replace(GOOD, revoked_at=NOON, expires_at=NOON), STRANGER, "not_found"),
        (GOOD, a_known_roll(member=False, blocked=True), "not_found"),
        (GOOD, a_known_roll(member=False, removed_at=NOON), "not_found"),
        (GOOD, a_known_roll(member=False, closed=True), "roll_closed"),
    ],
    ids=["unknown", "no roll", "revoked", "revoked and late", "blocked", "removed since", "closed"],
)
def test_what_admits_nobody(invite: Invite | None, known: KnownRoll | None, code: str) -> None:
    found = joining(invite, known)

    assert isinstance(found, Refused)
    assert found.code == code


def test_an_invite_made_after_a_removal_admits_again() -> None:
    known = a_known_roll(member=False, removed_at=NOON - timedelta(hours=2))

    assert isinstance(joining(GOOD, known), RollJoined)


def renaming(known: KnownRoll | None, name: str = "Porto", by: str = "ana") -> RollRenamed | Refused:
    return decide_renaming(known, RenameRoll(name=name), roll=a_roll(), id=a_fact_id(), by=a_user(by), at=NOON)


def closing(known: KnownRoll | None, by: str = "ana") -> RollClosed | Refused | None:
    return decide_closing(known, roll=a_roll(), id=a_fact_id(), by=a_user(by), at=NOON)


def revoking(known: KnownRoll | None, invite: Invite | None, by: str = "ana") -> RollInviteRevoked | Refused | None:
    return decide_revoking(known, invite, token_sha256=a_token(), roll=a_roll(), id=a_fact_id(), by=a_user(by), at=NOON)


def leaving(
    known: KnownRoll | None, whom: str = "ben", by: str = "ben", *, is_member: bool = True
) -> RollLeft | RollMemberRemoved | Refused | None:
    return decide_leaving(
        known, a_user(whom), roll=a_roll(), is_member=is_member, id=a_fact_id(), by=a_user(by), at=NOON
    )


def test_the_owner_renames_a_roll_even_a_closed_one() -> None:
    found = renaming(a_known_roll(closed=True), "Porto\u0301")

    assert isinstance(found, RollRenamed)
    assert found.personal.name == "Port\u00f3"


def test_a_roll_is_closed_once() -> None:
    assert isinstance(closing(a_known_roll()), RollClosed)
    assert closing(a_known_roll(closed=True)) is None


def test_an_invite_is_revoked_once_and_only_by_the_roll_it_opens() -> None:
    assert isinstance(revoking(a_known_roll(), GOOD), RollInviteRevoked)
    assert revoking(a_known_roll(), replace(GOOD, revoked_at=NOON)) is None
    for other in (None, replace(GOOD, roll=a_roll(number=2))):
        found = revoking(a_known_roll(), other)
        assert isinstance(found, Refused)
        assert found.code == "not_found"


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (None, "not_found"),
        (a_known_roll(member=False), "not_found"),
        (a_known_roll(member=False, visibility="public"), "forbidden"),
        (a_known_roll(), "forbidden"),
        (a_known_roll(visibility="public", blocked=True), "not_found"),
    ],
    ids=["missing", "private", "public", "member", "blocked"],
)
def test_what_is_the_owner_s_is_nobody_else_s(known: KnownRoll | None, code: str) -> None:
    found = [renaming(known, by="ben"), closing(known, by="ben"), revoking(known, GOOD, by="ben"), invite(known, "ben")]

    assert [each.code for each in found if isinstance(each, Refused)] == [code] * 4


def test_nobody_is_invited_to_a_closed_roll() -> None:
    found = invite(a_known_roll(closed=True))

    assert isinstance(found, Refused)
    assert found.code == "roll_closed"


def test_a_member_leaves_and_the_owner_removes() -> None:
    left, removed = leaving(a_known_roll()), leaving(a_known_roll(), by="ana")

    assert isinstance(left, RollLeft)
    assert isinstance(removed, RollMemberRemoved)
    assert (removed.by, removed.whom) == (a_user("ana"), a_user("ben"))


def test_who_is_no_member_is_gone_already() -> None:
    assert leaving(a_known_roll(member=False, visibility="public"), is_member=False) is None
    assert leaving(a_known_roll(), by="ana", is_member=False) is None


@pytest.mark.parametrize(
    ("known", "whom", "by", "code"),
    [
        (None, "ben", "ben", "not_found"),
        (a_known_roll(member=False), "ben", "ben", "not_found"),
        (a_known_roll(), "cleo", "ben", "forbidden"),
        (a_known_roll(), "ana", "ben", "forbidden"),
        (a_known_roll(), "ana", "ana", "forbidden"),
    ],
    ids=["missing", "stranger", "another member", "the owner", "the owner herself"],
)
def test_who_may_not_go(known: KnownRoll | None, whom: str, by: str, code: str) -> None:
    found = leaving(known, whom, by)

    assert isinstance(found, Refused)
    assert found.code == code


def test_every_film_we_take_can_be_developed() -> None:
    assert set(FILMS) == set(stocks.FILMS)
