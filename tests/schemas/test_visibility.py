from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.hashes import Card, Profile, Roll, Size
from schemas.ids import PhotoId, second
from schemas.visibility import Admission, Tie, admission, is_revealed, sight, tie
from tests.builders import MORNING, NOON, TOMORROW, a_photo, a_user

ANA, BOB = a_user("ana"), a_user("bob")
SIZES = (Size(name="large", key="k", width_px=1, height_px=1),)


def a_card(
    reveal_at: datetime = MORNING,
    visibility: str | None = "public",
    developed: bool = True,
    spoiled: str | None = None,
    deleted_at: datetime | None = None,
    taken_down: str | None = None,
) -> Card:
    return Card(
        author=ANA, visibility="public" if visibility == "public" else "private", reveal_at=reveal_at,
        developed_at=NOON if developed else None, sizes=SIZES if developed else (), spoiled=spoiled,
        deleted_at=deleted_at, taken_down=taken_down,
    )  # fmt: skip


def test_a_revealed_photo_is_seen_by_everyone() -> None:
    assert sight(a_photo(ANA), a_card(), BOB, NOON, "public", "open") == "revealed"


@pytest.mark.parametrize(
    "card",
    [
        None,
        Card(developed_at=NOON, sizes=SIZES),
        a_card(developed=False),
        a_card(spoiled="not_an_image"),
        a_card(deleted_at=NOON),
        a_card(taken_down="spam"),
        a_card(visibility="private"),
    ],
    ids=["unknown", "without author", "undeveloped", "spoiled", "deleted", "taken down", "private"],
)
def test_others_see_nothing_of_a(card: Card | None) -> None:
    assert sight(a_photo(ANA), card, BOB, NOON, "public", "open") == "hidden"


def test_the_author_sees_a_sealed_card_before_the_reveal_and_others_nothing() -> None:
    photo, card = a_photo(ANA, reveal_at=TOMORROW), a_card(reveal_at=TOMORROW)

    assert sight(photo, card, ANA, NOON, "public", "open") == "sealed"
    assert sight(photo, card, BOB, NOON, "member", "open") == "hidden"


def test_a_photo_that_is_developed_late_stays_sealed_for_its_author() -> None:
    assert sight(a_photo(ANA), a_card(developed=False), ANA, NOON, "public", "open") == "sealed"


def test_the_author_learns_that_a_photo_spoiled_but_not_of_a_deleted_one() -> None:
    assert sight(a_photo(ANA), a_card(spoiled="too_large"), ANA, NOON, "public", "open") == "spoiled"
    assert sight(a_photo(ANA), a_card(spoiled="too_large", deleted_at=NOON), ANA, NOON, "public", "open") == "hidden"


@pytest.mark.parametrize("reveal_at", [MORNING, TOMORROW])
def test_its_author_sees_nothing_of_what_is_taken_down_and_all_once_that_is_reversed(reveal_at: datetime) -> None:
    photo = a_photo(ANA, reveal_at=reveal_at)
    before, down, back = [
        sight(photo, a_card(reveal_at, taken_down=reason), ANA, NOON, "public", "open") for reason in (None, "spam", "")
    ]

    assert (down, back) == ("hidden", before)


@pytest.mark.parametrize(("admitted", "seen"), [("member", "revealed"), ("public", "hidden"), ("closed", "hidden")])
def test_a_private_photo_is_for_members(admitted: Admission, seen: str) -> None:
    assert sight(a_photo(ANA), a_card(visibility="private"), BOB, NOON, admitted, "open") == seen


def test_a_roll_admits_members_and_if_public_everyone() -> None:
    def roll(visibility: str) -> Roll:
        return Roll(
            owner=ANA, name="", film="", develop="", tz="", opened_at=NOON,
            visibility="public" if visibility == "public" else "private",
        )  # fmt: skip

    assert admission(roll("private"), True) == "member"
    assert admission(roll("private"), False) == "closed"
    assert admission(roll("public"), False) == "public"
    assert admission(None, True) == "closed"
    assert admission(roll("public"), True, True) == "closed"


@pytest.mark.parametrize(
    ("visibility", "is_followed", "is_blocked", "expected"),
    [
        ("public", False, False, "open"),
        ("private", False, False, "locked"),
        ("private", True, False, "open"),
        ("public", True, True, "blocked"),
        ("private", True, True, "blocked"),
        (None, False, False, "locked"),
        (None, True, False, "open"),
    ],
)
def test_an_account_is_open_to_whom_it_may_be(
    visibility: str | None, is_followed: bool, is_blocked: bool, expected: Tie
) -> None:
    found = Profile(
        username="ana", tz="UTC", registered_at=NOON, visibility="private" if visibility == "private" else None
    )

    assert tie(found if visibility else None, is_followed=is_followed, is_blocked=is_blocked) == expected


@pytest.mark.parametrize(
    ("admitted", "tied", "seen"),
    [
        ("public", "locked", "hidden"),
        ("closed", "open", "hidden"),
        ("member", "locked", "revealed"),
        ("member", "blocked", "hidden"),
        ("public", "blocked", "hidden"),
    ],
)
def test_a_photo_is_seen_by_who_may_see_its_author_or_shares_its_roll(
    admitted: Admission, tied: Tie, seen: str
) -> None:
    assert sight(a_photo(ANA), a_card(), BOB, NOON, admitted, tied) == seen
    assert sight(a_photo(ANA), a_card(), ANA, NOON, admitted, tied) == "revealed", "one's own is one's own"


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.integers(0, 63), st.integers(0, 2**26 - 1), st.floats(-3, 3))
def test_a_photo_is_revealed_from_its_very_second(bucket: int, sequence: int, seconds: float) -> None:
    photo = PhotoId(str(int(a_photo(ANA, reveal_at=NOON)) >> 32 << 32 | bucket << 26 | sequence))
    now = NOON + timedelta(seconds=seconds)

    assert is_revealed(photo, now) == (now >= second(photo))


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.datetimes(MORNING.replace(tzinfo=None), TOMORROW.replace(tzinfo=None)))
def test_the_photos_of_a_roll_are_revealed_together(naive: datetime) -> None:
    now = naive.replace(tzinfo=NOON.tzinfo)
    roll = [a_photo(author, number, NOON) for author in (ANA, BOB, a_user("eve")) for number in (1, 2**26 - 1)]

    assert len({is_revealed(photo, now) for photo in roll}) == 1
