import pytest

from ingest.rules.likes import decide_liking, decide_unliking
from ingest.rules.photos import KnownPhoto
from schemas import facts
from schemas.facts import PhotoLiked, PhotoUnliked
from schemas.hashes import Card, Size
from schemas.ids import UserId
from schemas.problems import Refused
from tests.builders import NOON, TOMORROW, a_fact_id, a_photo, a_user

ANA, BEN = a_user("ana"), a_user("ben")
PHOTO, SEALED = a_photo(ANA), a_photo(ANA, reveal_at=TOMORROW)
CARD = Card(
    author=ANA, visibility="public", developed_at=NOON, sizes=(Size(name="large", key="k", width_px=1, height_px=1),)
)  # fmt: skip
SEEN = KnownPhoto(CARD, "public", "open")
UNSEEN = {
    "missing": None,
    "blocked": KnownPhoto(CARD, "public", "blocked"),
    "a private account's": KnownPhoto(CARD, "public", "locked"),
    "in a roll of others": KnownPhoto(CARD, "closed", "open"),
    "undeveloped": KnownPhoto(Card(author=ANA, visibility="public"), "public", "open"),
}


@pytest.mark.parametrize(("decide", "kind"), [(decide_liking, PhotoLiked), (decide_unliking, PhotoUnliked)])
def test_whoever_sees_a_photo_likes_it_and_likes_it_no_more(decide: object, kind: type[facts.Fact]) -> None:
    assert callable(decide)
    for by in (ANA, BEN):
        found = decide(SEEN, photo=PHOTO, id=a_fact_id(), by=by, at=NOON)

        assert isinstance(found, kind)
        assert (found.by, facts.aggregate(found)) == (by, PHOTO), "in order beside the photo, whoever it is"


@pytest.mark.parametrize("known", UNSEEN.values(), ids=UNSEEN)
def test_what_one_does_not_see_is_not_there(known: KnownPhoto | None) -> None:
    found = [decide(known, photo=PHOTO, id=a_fact_id(), by=BEN, at=NOON) for decide in (decide_liking, decide_unliking)]

    assert all(isinstance(one, Refused) and one.code == "not_found" for one in found)
    assert found[0] == found[1]


@pytest.mark.parametrize("by", [ANA, BEN])
def test_before_the_reveal_nobody_likes_a_photo(by: UserId) -> None:
    found = decide_liking(SEEN, photo=SEALED, id=a_fact_id(), by=by, at=NOON)

    assert isinstance(found, Refused)
    assert found.code == "not_found"
    assert isinstance(decide_liking(SEEN, photo=SEALED, id=a_fact_id(), by=by, at=TOMORROW), PhotoLiked)
