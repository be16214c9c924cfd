"""What likes and comments do to the views of their photo. Who may read them is asked of the photo at every read.

A comment is never taken out of the list: its deletion is a field of its own, so that a second copy of the comment,
which a retried command may append after it, brings nothing back. How many like a photo and how many comments it has
stands on its card, since every page asks for that.
"""

from collections.abc import Iterator

from processors.intents import Exclude, Include, Insert, Point, Save, Tally, ViewIntent
from schemas import hashes, projections
from schemas.facts import CommentDeleted, CommentPosted, PhotoLiked, PhotoUnliked, ReactionFact
from schemas.hashes import Comment
from schemas.ids import PhotoId

Changes = Iterator[ViewIntent]


def changes(fact: ReactionFact) -> Changes:
    """What `fact` does, as intents that may be applied twice."""
    match fact:
        case PhotoLiked(photo=photo, by=user):
            yield Include(projections.likers(photo), user)
            yield _likes(photo)
        case PhotoUnliked(photo=photo, by=user):
            yield Exclude(projections.likers(photo), user)
            yield _likes(photo)
        case CommentPosted():
            yield from _posted(fact)
        case CommentDeleted(photo=photo, comment=comment):
            yield Save(projections.comment(photo, comment), hashes.fields(Comment(deleted_at=fact.at)))
            yield Include(projections.deleted_comments(photo), comment)
            yield _comments(photo)


def _posted(fact: CommentPosted) -> Changes:
    photo, comment = fact.photo, fact.comment
    said = Comment(author=fact.by, text=fact.personal.text, posted_at=fact.at, reply_to=fact.reply_to)
    yield Save(projections.comment(photo, comment), hashes.fields(said))
    yield Insert(projections.comments(photo), projections.place(comment))
    yield _comments(photo)
    if fact.reply_to is not None:  # it keeps its place in the list from now on, deleted or not
        yield Save(projections.comment(photo, fact.reply_to), hashes.fields(Comment(has_replies=True)))
    yield Point(projections.entity(fact.id), comment)


def _likes(photo: PhotoId) -> Tally:
    return Tally(projections.card(photo), hashes.LIKES, projections.likers(photo))


def _comments(photo: PhotoId) -> Tally:
    gone = projections.deleted_comments(photo)
    return Tally(projections.card(photo), hashes.COMMENTS, projections.comments(photo), gone)
