"""GET /v1/photos/{photo}/comments: what is said of a photo by whom the reader may see and wants to hear.

A walk starts with the oldest: what is said meanwhile comes at its end, and what is deleted leaves no gap.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from api import hydration, paging
from api.cards import Author, author
from api.routes import PAGED, Asked, Page, Route
from api.standing import Around
from schemas import hashes
from schemas.ids import CommentId, PhotoId
from schemas.visibility import UNSEEN


class PostedComment(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="posted"):
    """What somebody says of a photo, as they typed it: whoever shows it escapes it."""

    id: CommentId
    author: Author
    text: str
    reply_to: CommentId | None
    posted_at: datetime


class DeletedComment(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="deleted"):
    """Somebody replied to it, so its place stays; nothing else of it does."""

    id: CommentId
    reply_to: CommentId | None


Comment = PostedComment | DeletedComment


class CommentPage(Page, frozen=True, kw_only=True):
    """Comments, oldest first."""

    items: tuple[Comment, ...]


async def comments(asked: Asked) -> CommentPage:
    """What is said of a photo, oldest first; nothing by people whom a block hides or whom you mute."""
    photo = (await hydration.revealed(asked, PhotoId(asked.target))).photo

    async def look(edge: str | None, count: int) -> tuple[list[Comment], str | None]:
        after = CommentId(edge) if edge else None
        found = await asked.room.projections.comments(photo, after, count, is_back=asked.is_back)
        return await _heard(asked, found), found[-1][0] if len(found) == count else None

    leaf = await paging.turn(asked, look, lambda comment: comment.id, ascends=True)
    return CommentPage(items=tuple(leaf.shown), next_cursor=leaf.next_cursor, prev_cursor=leaf.prev_cursor)


async def _heard(asked: Asked, found: Sequence[tuple[CommentId, hashes.Comment]]) -> list[Comment]:
    """Those that the reader gets, in the same order."""
    authors = [comment.author for _, comment in found if comment.author]
    around = await asked.room.projections.around(asked.reader, authors, ())
    shown = [_deleted(id, one) if one.deleted_at else _posted(id, one, around) for id, one in found]
    return [comment for comment in shown if comment is not None]


def _deleted(id: CommentId, comment: hashes.Comment) -> DeletedComment | None:
    return DeletedComment(id=id, reply_to=comment.reply_to) if comment.has_replies else None


def _posted(id: CommentId, comment: hashes.Comment, around: Around) -> PostedComment | None:
    by = comment.author
    if by is None or comment.posted_at is None or around.ties[by] in UNSEEN or by in around.muted:
        return None
    return PostedComment(
        id=id,
        author=author(by, around.profiles[by]),
        text=comment.text or "",
        reply_to=comment.reply_to,
        posted_at=comment.posted_at,
    )


ROUTES = (
    Route(
        path="/v1/photos/{photo}/comments",
        answer=comments,
        gives=CommentPage,
        policy="signed_in",
        behind=("views",),
        target="photo",
        parameters=PAGED,
    ),
)
