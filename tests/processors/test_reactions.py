"""Likes and comments as views: sets, a list that nothing leaves, and counts that follow from them."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.intents import Exclude, Include, Insert, Point, Save, Tally
from processors.rules.views import changes
from schemas import hashes, projections
from schemas.facts import Fact
from schemas.hashes import Comment
from schemas.ids import CommentId, UserId
from tests import builders as a
from tests.processors.test_views import views_after

ANA, BEN, CLEO = a.a_user("ana"), a.a_user("ben"), a.a_user("cleo")
PHOTO = a.a_photo(ANA)
FIRST, SECOND = a.a_comment(BEN), a.a_comment(CLEO)
CARD, LIKERS = projections.card(PHOTO), projections.likers(PHOTO)
LIKES = Tally(CARD, "likes", LIKERS)
COMMENTS = Tally(CARD, "comments", projections.comments(PHOTO), projections.deleted_comments(PHOTO))


def test_a_like_stands_with_its_photo_until_it_is_taken_back() -> None:
    assert list(changes(a.photo_liked(BEN, PHOTO))) == [Include(LIKERS, BEN), LIKES]
    assert list(changes(a.photo_unliked(BEN, PHOTO))) == [Exclude(LIKERS, BEN), LIKES]


def test_a_comment_has_its_place_and_answers_its_retry() -> None:
    fact = a.comment_posted(BEN, PHOTO, text="Fog!")

    said = Comment(author=BEN, text="Fog!", posted_at=fact.at)
    assert list(changes(fact)) == [
        Save(projections.comment(PHOTO, FIRST), hashes.fields(said)),
        Insert(projections.comments(PHOTO), projections.place(FIRST)),
        COMMENTS,
        Point(projections.entity(fact.id), FIRST),
    ]


def test_a_reply_keeps_the_place_of_what_it_replies_to() -> None:
    fact = a.comment_posted(CLEO, PHOTO, reply_to=FIRST)

    assert Save(projections.comment(PHOTO, FIRST), {"has_replies": "true"}) in list(changes(fact))


def test_a_deleted_comment_says_so_and_is_counted_among_the_gone() -> None:
    fact = a.comment_deleted(ANA, PHOTO, FIRST)

    assert list(changes(fact)) == [
        Save(projections.comment(PHOTO, FIRST), hashes.fields(Comment(deleted_at=fact.at))),
        Include(projections.deleted_comments(PHOTO), FIRST),
        COMMENTS,
    ]


@pytest.mark.parametrize(
    "fact", [a.photo_liked(BEN, PHOTO), a.comment_posted(BEN, PHOTO), a.comment_deleted(CLEO, PHOTO, FIRST)]
)
def test_every_view_of_a_reaction_but_the_retry_s_lives_with_the_photo(fact: Fact) -> None:
    keys = [intent.key for intent in changes(fact) if not isinstance(intent, Point)]

    assert {projections.bucket_of_key(key) for key in keys} == {projections.bucket_of_key(projections.card(PHOTO))}


TALK = (
    a.comment_posted(BEN, PHOTO), a.comment_posted(CLEO, PHOTO, reply_to=FIRST), a.comment_deleted(ANA, PHOTO, FIRST),
    a.photo_liked(BEN, PHOTO), a.photo_liked(CLEO, PHOTO), a.photo_deleted(ANA, a.a_photo(ANA, 2)),
)  # fmt: skip


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.permutations([*TALK, a.comment_posted(BEN, PHOTO)]))
async def test_in_any_order_a_deleted_comment_stays_deleted_and_its_reply_stays(shuffled: Sequence[Fact]) -> None:
    views = await (await views_after(shuffled)).views()

    assert views == await (await views_after(TALK)).views()
    deleted, reply = [read(views, comment) for comment in (FIRST, SECOND)]
    assert (deleted.deleted_at, deleted.has_replies) == (a.NOON, True)
    assert (reply.author, reply.reply_to, reply.deleted_at) == (CLEO, FIRST, None)
    assert views[projections.comments(PHOTO)] == sorted(map(projections.place, (FIRST, SECOND)))
    assert views[CARD] == {"likes": "2", "comments": "1"}


def read(views: Mapping[str, object], comment: CommentId) -> Comment:
    found = views[projections.comment(PHOTO, comment)]
    assert isinstance(found, dict)
    return hashes.read(Comment, found)


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.lists(st.tuples(st.sampled_from([ANA, BEN, CLEO]), st.booleans()), max_size=12))
async def test_who_likes_a_photo_is_whoever_last_said_so(said: Sequence[tuple[UserId, bool]]) -> None:
    facts = [(a.photo_liked if likes else a.photo_unliked)(user, PHOTO) for user, likes in said]

    views = await (await views_after(facts)).views()

    likers = {user for user, likes in dict(said).items() if likes}
    assert views.get(LIKERS, set()) == likers
    assert views.get(CARD, {}) == ({"likes": str(len(likers))} if said else {})
