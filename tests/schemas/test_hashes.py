from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import hashes, ids
from schemas.hashes import Card, Comment, Profile, Size
from schemas.ids import CommentId, UserId

USER = UserId(ids.compose(datetime(2026, 1, 1, tzinfo=UTC), 7, 1))
texts = st.text(max_size=50)


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(texts, st.none() | texts)
def test_a_profile_survives_its_hash(username: str, display_name: str | None) -> None:
    profile = Profile(
        username=username, tz="UTC", registered_at=datetime(2026, 1, 1, tzinfo=UTC), display_name=display_name
    )

    assert hashes.read(Profile, hashes.fields(profile)) == profile


def test_a_card_survives_its_hash_with_its_sizes() -> None:
    card = Card(
        author=USER, width_px=3, reveal_at=datetime(2026, 1, 1, 9, tzinfo=UTC), caption='"hm"', visibility="private",
        sizes=(Size(name="large", key="a/b/large.jpg", width_px=3, height_px=2),),
    )  # fmt: skip

    assert hashes.read(Card, hashes.fields(card)) == card


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(texts, st.none() | st.just(True))
def test_a_comment_survives_its_hash(text: str, has_replies: bool | None) -> None:
    posted_at = datetime(2026, 1, 1, 9, tzinfo=UTC)
    comment = Comment(author=USER, text=text, posted_at=posted_at, reply_to=CommentId(USER), has_replies=has_replies)

    assert hashes.read(Comment, hashes.fields(comment)) == comment


def test_a_card_nobody_wrote_is_empty() -> None:
    assert hashes.read(Card, {}) == Card()


def test_fields_of_a_later_version_are_left_alone() -> None:
    assert hashes.read(Card, {"sparkle": "yes"}) == Card()
