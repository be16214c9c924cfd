from datetime import timedelta
from typing import Any

import pytest

from ingest.rules.rolls import INVITE_LASTS, KnownRoll, OpenRoll, decide_invite, decide_joining, decide_opening
from processors.rules import looks
from schemas.facts import RollInviteCreated, RollJoined, RollOpened, Visibility
from schemas.objects import FILMS
from schemas.problems import Refused
from schemas.projections import Invite, Roll
from tests.builders import NOON, a_fact_id, a_roll, a_token, a_user


def a_known_roll(*, member: bool = True, visibility: Visibility = "private", develop: str = "09:00") -> KnownRoll:
    roll = Roll(
        owner=a_user(), name="Lisbon", film=FILMS[0], develop=develop, tz="Europe/Lisbon", visibility=visibility,
        opened_at=NOON,
    )  # fmt: skip
    return KnownRoll(roll, member)


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


def test_an_invite_opens_its_roll_until_it_expires() -> None:
    good = Invite(roll=a_roll(), expires_at=NOON + timedelta(seconds=1))

    found = decide_joining(good, id=a_fact_id(), by=a_user("ben"), at=NOON)
    late = decide_joining(good, id=a_fact_id(), by=a_user("ben"), at=good.expires_at)
    unknown = decide_joining(None, id=a_fact_id(), by=a_user("ben"), at=NOON)

    assert isinstance(found, RollJoined)
    assert isinstance(late, Refused)
    assert isinstance(unknown, Refused)
    assert (found.roll, late.code, unknown.code) == (a_roll(), "invite_expired", "not_found")


def test_every_film_we_take_can_be_developed() -> None:
    assert set(FILMS) == set(looks.FILMS)
