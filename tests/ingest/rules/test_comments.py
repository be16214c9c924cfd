import unicodedata
from datetime import datetime

import pytest
from msgspec.structs import replace

from ingest.rules.comments import PostComment, decide_comment, decide_deletion
from ingest.rules.photos import KnownPhoto
from schemas import facts
from schemas.facts import CommentDeleted, CommentPosted
from schemas.hashes import Card, Comment
from schemas.ids import UserId
from schemas.problems import Refused
from tests.builders import NOON, TOMORROW, a_comment, a_fact_id, a_user
from tests.ingest.rules.test_likes import ANA, BEN, CARD, PHOTO, SEALED, SEEN, UNSEEN

CLEO = a_user("cleo")
SAID = Comment(author=BEN, text="Fog!", posted_at=NOON)
MINE = a_comment(CLEO)


def commented(
    text: str = "Fog!", known: KnownPhoto | None = SEEN, parent: Comment | None = None, replies: bool = False
) -> CommentPosted | Refused:
    """What becomes of Cleo's comment."""
    command = PostComment(text=text, reply_to=a_comment(BEN) if replies else None)
    return decide_comment(command, known, parent, photo=PHOTO, comment=MINE, id=a_fact_id(), by=CLEO, at=NOON)


def test_whoever_sees_a_photo_comments_on_it() -> None:
    found = commented("Fog!")

    assert isinstance(found, CommentPosted)
    assert (found.by, found.comment, found.personal.text, found.reply_to) == (CLEO, MINE, "Fog!", None)
    assert facts.aggregate(found) == PHOTO


def test_text_is_kept_as_it_was_typed_in_one_spelling() -> None:
    found = commented("<b>cafe\u0301</b>\u202e")

    assert isinstance(found, CommentPosted)
    assert found.personal.text == unicodedata.normalize("NFC", "<b>cafe\u0301</b>\u202e")


@pytest.mark.parametrize("known", UNSEEN.values(), ids=UNSEEN)
def test_what_one_does_not_see_is_not_there(known: KnownPhoto | None) -> None:
    found = commented("", known)

    assert isinstance(found, Refused)
    assert found.code == "not_found"


@pytest.mark.parametrize(("at", "is_taken"), [(NOON, False), (TOMORROW, True)])
def test_before_the_reveal_not_even_the_author_comments(at: datetime, is_taken: bool) -> None:
    command = PostComment(text="Fog!")
    found = decide_comment(command, SEEN, None, photo=SEALED, comment=MINE, id=a_fact_id(), by=ANA, at=at)

    assert isinstance(found, CommentPosted) == is_taken


def test_a_reply_needs_what_it_replies_to() -> None:
    found, missing = commented(parent=SAID, replies=True), commented(replies=True)

    assert isinstance(found, CommentPosted)
    assert isinstance(missing, Refused)
    assert (found.reply_to, missing.code) == (a_comment(BEN), "not_found")


def deleted(by: UserId, card: Card | None = CARD, found: Comment | None = SAID) -> CommentDeleted | Refused | None:
    """What becomes of the wish that Ben's comment on Ana's photo goes."""
    return decide_deletion(card, found, photo=PHOTO, comment=a_comment(BEN), id=a_fact_id(), by=by, at=NOON)


@pytest.mark.parametrize("by", [ANA, BEN], ids=["who took the photo", "who wrote it"])
def test_a_comment_is_deleted_by_who_wrote_it_or_took_the_photo_and_once(by: UserId) -> None:
    found = deleted(by)

    assert isinstance(found, CommentDeleted)
    assert (found.by, found.comment, facts.aggregate(found)) == (by, a_comment(BEN), PHOTO)
    assert deleted(by, found=replace(SAID, deleted_at=NOON)) is None


@pytest.mark.parametrize(
    ("by", "card", "found"),
    [(CLEO, CARD, SAID), (BEN, CARD, None), (BEN, None, SAID), (BEN, replace(CARD, deleted_at=NOON), SAID)],
    ids=["another's", "no comment", "no photo", "deleted photo"],
)
def test_to_others_there_is_no_comment_to_delete(by: UserId, card: Card | None, found: Comment | None) -> None:
    refused = deleted(by, card, found)

    assert isinstance(refused, Refused)
    assert refused.code == "not_found"


def test_own_words_are_taken_back_even_where_one_sees_the_photo_no_more() -> None:
    assert isinstance(deleted(BEN, replace(CARD, visibility="private", roll=None)), CommentDeleted)
