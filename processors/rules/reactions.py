"""What likes and comments do to the views of their photo. Who may read them is asked of the photo at every read.

A comment is never taken out of the list: its deletion is a field of its own, so that a second copy of the comment,
which a retried command may append after it, brings nothing back.
"""

from collections.abc import Iterator

from processors.intents import Exclude, Include, Insert, Point, Save, ViewIntent
from schemas import hashes, projections
from schemas.facts import CommentDeleted, CommentPosted, PhotoLiked, PhotoUnliked, ReactionFact
from schemas.hashes import Comment

Changes = Iterator[ViewIntent]


def changes(fact: ReactionFact) -> Changes:
    """What `fact` does, as intents that may be applied twice."""
    match fact:
        case PhotoLiked(photo=photo, by=user):
            yield Include(projections.likers(photo), user)
        case PhotoUnliked(photo=photo, by=user):
            yield Exclude(projections.likers(photo), user)
        case CommentPosted():
            yield from _posted(fact)
        case CommentDeleted(photo=photo, comment=comment):
            yield Save(projections.comment(photo, comment), hashes.fields(Comment(deleted_at=fact.at)))
            yield Include(projections.deleted_comments(photo), comment)


def _posted(fact: CommentPosted) -> Changes:
    photo, comment = fact.photo, fact.comment
    said = Comment(author=fact.by, text=fact.personal.text, posted_at=fact.at, reply_to=fact.reply_to)
    yield Save(projections.comment(photo, comment), hashes.fields(said))
    yield Insert(projections.comments(photo), projections.place(comment))
    if fact.reply_to is not None:  # it keeps its place in the list from now on, deleted or not
        yield Save(projections.comment(photo, fact.reply_to), hashes.fields(Comment(has_replies=True)))
    yield Point(projections.entity(fact.id), comment)
