import pytest

from ingest.rules.moderation import ReportPhoto, TakeDown, decide_report, decide_reversal, decide_takedown
from ingest.rules.photos import KnownPhoto
from schemas import facts
from schemas.facts import PhotoReported, PhotoTakenDown, TakedownReversed
from schemas.hashes import Card, Size
from schemas.problems import Refused
from tests.builders import NOON, TOMORROW, a_fact_id, a_photo, a_user

ANA, BEN, MIA = a_user("ana"), a_user("ben"), a_user("mia")
PHOTO, SEALED = a_photo(ANA), a_photo(ANA, reveal_at=TOMORROW)
SIZES = (Size(name="large", key="k", width_px=1, height_px=1),)
CARD = Card(author=ANA, visibility="public", developed_at=NOON, sizes=SIZES)
SEEN = KnownPhoto(CARD, "public", "open")
DOWN = KnownPhoto(
    Card(author=ANA, visibility="public", developed_at=NOON, sizes=SIZES, taken_down="spam"), "public", "open"
)


def report(known: KnownPhoto | None = SEEN, text: str | None = None, has_reported: bool = False) -> object:
    command = ReportPhoto(reason="spam", text=text)
    return decide_report(command, known, has_reported, photo=PHOTO, id=a_fact_id(), by=BEN, at=NOON)


def test_whoever_sees_a_photo_reports_it_with_a_reason_and_words_of_their_own() -> None:
    found = report(text="Cafe\u0301")

    assert isinstance(found, PhotoReported)
    assert (found.by, found.reason, found.personal.text) == (BEN, "spam", "Caf\u00e9")
    assert facts.aggregate(found) == PHOTO, "in order beside what moderators decide"


@pytest.mark.parametrize(
    "known", [None, KnownPhoto(CARD, "public", "blocked"), KnownPhoto(CARD, "closed", "open"), DOWN]
)
def test_what_one_does_not_see_is_not_there_to_be_reported(known: KnownPhoto | None) -> None:
    found = [report(known), report(known, has_reported=True), report(known, text="\0")]

    assert all(isinstance(one, Refused) and one.code == "not_found" for one in found)


def test_before_the_reveal_nobody_reports_a_photo() -> None:
    found = decide_report(ReportPhoto(reason="spam"), SEEN, False, photo=SEALED, id=a_fact_id(), by=BEN, at=NOON)

    assert isinstance(found, Refused)
    assert found.code == "not_found"


def test_a_person_reports_a_photo_once_until_a_moderator_decides() -> None:
    found = report(has_reported=True)

    assert isinstance(found, Refused)
    assert found.code == "conflict"


def test_what_is_added_to_a_report_says_something() -> None:
    found = report(text=" ")

    assert isinstance(found, Refused)
    assert found.code == "empty_text"


def test_a_takedown_and_its_reversal_are_about_the_photo_however_often_they_are_said() -> None:
    for card in (CARD, DOWN.card):
        down = decide_takedown(TakeDown(reason="hate"), card, photo=PHOTO, id=a_fact_id(), by=MIA, at=NOON)
        back = decide_reversal(card, photo=PHOTO, id=a_fact_id(), by=MIA, at=NOON)

        assert isinstance(down, PhotoTakenDown)
        assert isinstance(back, TakedownReversed)
        assert down.reason == "hate"
        assert facts.aggregate(down) == facts.aggregate(back) == PHOTO, "or they could change places"


def test_what_its_author_took_back_is_not_there_to_be_taken_down_but_its_reports_can_be_settled() -> None:
    gone = Card(author=ANA, deleted_at=NOON)
    for card in (None, Card(), gone):
        found = decide_takedown(TakeDown(reason="hate"), card, photo=PHOTO, id=a_fact_id(), by=MIA, at=NOON)
        assert isinstance(found, Refused)
        assert found.code == "not_found"

    settled = [decide_reversal(c, photo=PHOTO, id=a_fact_id(), by=MIA, at=NOON) for c in (None, Card(), gone)]
    assert [type(one) for one in settled] == [Refused, Refused, TakedownReversed]
