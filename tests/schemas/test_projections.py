from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import ids, projections
from schemas.ids import CommentId, PhotoId, RollId, UserId

USER = UserId(ids.compose(datetime(2026, 1, 1, tzinfo=UTC), 7, 1))


def test_what_belongs_to_one_owner_shares_a_slot() -> None:
    keys = [projections.feed(USER), projections.sealed(USER), projections.outbox(USER), projections.profile(USER)]

    assert {projections.bucket_of_key(key) for key in keys} == {7}
    assert projections.bucket_of_key(projections.watermark(7, "feeds")) == 7


def test_a_follower_set_lives_with_its_readers_not_with_the_author() -> None:
    assert projections.bucket_of_key(projections.followers_in(USER, 33)) == 33


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.lists(st.integers(1, 2**63 - 1), min_size=2, max_size=20))
def test_places_sort_as_text_the_way_ids_sort_as_numbers(numbers: list[int]) -> None:
    photos = [PhotoId(str(number)) for number in numbers]

    assert [projections.photo_at(p) for p in sorted(map(projections.place, photos))] == sorted(photos, key=int)


def test_names_that_differ_in_case_are_one_name() -> None:
    assert projections.username("Ana") == projections.username("ana")


def test_no_two_kinds_of_view_share_a_key() -> None:
    keys = [
        projections.feed(USER), projections.sealed(USER), projections.outbox(USER), projections.profile(USER),
        projections.following(USER), projections.followers(USER), projections.user_photos(USER),
        projections.user_rolls(USER), projections.password(USER), projections.roll(RollId(USER)),
        projections.members(RollId(USER)), projections.roll_photos(RollId(USER)), projections.card(PhotoId(USER)),
        projections.likers(PhotoId(USER)), projections.comments(PhotoId(USER)),
        projections.deleted_comments(PhotoId(USER)), projections.comment(PhotoId(USER), CommentId(USER)),
        projections.followers_in(USER, 7), projections.sequence(7), projections.watermark(7, "views"),
    ]  # fmt: skip

    assert len(set(keys)) == len(keys)
