"""Who may say something of a photo, what may be said, and who may take it back."""

from datetime import datetime

import msgspec

from ingest.rules import words
from ingest.rules.photos import NO_PHOTO, KnownPhoto, is_revealed_to
from schemas.facts import CommentDeleted, CommentPosted, CommentText
from schemas.hashes import Card, Comment
from schemas.ids import CommentId, FactId, PhotoId, UserId
from schemas.problems import Refused

NO_COMMENT = Refused("not_found", "there is no such comment")


class PostComment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/photos/{id}/comments`; `reply_to` is another comment of the same photo."""

    text: str
    reply_to: CommentId | None = None


def decide_comment(
    command: PostComment, known: KnownPhoto | None, parent: Comment | None, *, photo: PhotoId, comment: CommentId,
    id: FactId, by: UserId, at: datetime,
) -> CommentPosted | Refused:  # fmt: skip
    """The comment, if `by` sees the photo revealed; `parent` is what it replies to, as far as `by` sees that."""
    if not is_revealed_to(known, photo, by, at):
        return NO_PHOTO
    if refused := words.text_fault(command.text, "/text"):
        return refused
    if command.reply_to is not None and parent is None:
        return NO_COMMENT
    said = CommentText(text=words.canonical(command.text) or "")
    return CommentPosted(
        id=id, at=at, by=by, photo=photo, comment=comment, reply_to=command.reply_to, personal=said
    )  # fmt: skip


def decide_deletion(
    card: Card | None, found: Comment | None, *, photo: PhotoId, comment: CommentId, id: FactId, by: UserId,
    at: datetime,
) -> CommentDeleted | Refused | None:  # fmt: skip
    """The end of a comment, for who wrote it or took the photo; None when it has come. To others there is none.

    One's own words may be taken back where one no longer sees the photo, too.
    """
    if card is None or card.deleted_at or found is None or by not in (found.author, card.author):
        return NO_COMMENT
    return None if found.deleted_at else CommentDeleted(id=id, at=at, by=by, photo=photo, comment=comment)
