"""Comments: said of a photo by who sees it, taken back by who said it or took the photo."""

from datetime import datetime, timedelta
from typing import Any

from ingest.command import Call, Command, Done, accepted
from ingest.doors import Doors
from ingest.idempotency import Made, once
from ingest.rules import comments as rules
from ingest.rules.comments import PostComment
from schemas import ids
from schemas.facts import CommentPosted
from schemas.ids import CommentId, FactId, PhotoId
from schemas.problems import refusal


async def comment(doors: Doors, call: Call) -> Done:
    """The caller says something of the photo, once per Idempotency-Key."""
    photo = PhotoId(call.id())
    attempt = call.attempt(CommentPosted, f"POST /v1/photos/{photo}/comments")
    made = await once(doors, attempt, lambda: _posted(doors, call, photo, attempt.id))
    return Done(201, {"comment": await _told(doors, photo, made)}, made.positions)


async def _posted(doors: Doors, call: Call, photo: PhotoId, id: FactId) -> CommentPosted:
    doors.pace.take(call.by)
    command: PostComment = call.body
    known = await doors.projections.photo(photo, call.by)
    to = command.reply_to
    parent = await doors.projections.comment_seen_by(photo, to, call.by) if known and to else None
    made = await _id(doors, call, photo, to if parent else None)
    decision = rules.decide_comment(
        command, known, parent, photo=photo, comment=made, id=id, by=call.by, at=call.at
    )  # fmt: skip
    return accepted(decision)


async def _id(doors: Doors, call: Call, photo: PhotoId, to: CommentId | None) -> CommentId:
    """In the photo's bucket, where comments live; after what it replies to, whichever worker's clock that came from."""
    bucket = ids.bucket(photo)
    sequence = await doors.leases.sequence(bucket, call.at)
    made = ids.compose(call.at, bucket, sequence)
    if to is not None and int(made) <= int(to):
        made = ids.compose(ids.second(to) + timedelta(seconds=1), bucket, sequence)
    return CommentId(made)


async def _told(doors: Doors, photo: PhotoId, made: Made[CommentPosted]) -> dict[str, Any]:
    """What was posted; the views tell it to a retry whose lease was lost."""
    if (fact := made.fact) is not None:
        return _shown(fact.comment, fact.personal.text, fact.reply_to, fact.at)
    id = CommentId(made.entity or "")
    known = await doors.projections.comment(photo, id)
    if known is None or known.deleted_at:
        raise refusal("not_found", "the comment that this key posted is gone")
    return _shown(id, known.text, known.reply_to, known.posted_at)


def _shown(id: CommentId, text: str | None, reply_to: CommentId | None, at: datetime | None) -> dict[str, Any]:
    return {"id": id, "text": text, "reply_to": reply_to, "posted_at": at}


async def delete_comment(doors: Doors, call: Call) -> Done:
    """Who wrote the comment or took the photo takes it back, for good. Replies to it stay."""
    photo, comment = PhotoId(call.id()), CommentId(call.id("comment"))
    card = await doors.projections.card(photo)
    found = await doors.projections.comment(photo, comment)
    decision = rules.decide_deletion(
        card, found, photo=photo, comment=comment, id=call.fresh_fact_id(), by=call.by, at=call.at
    )
    if decision is None:
        return Done(204)
    return Done(204, None, (await doors.log.fact(accepted(decision), call.trace),))


COMMANDS = (
    Command(
        "POST", "/v1/photos/{id}/comments", comment, "signed in", "Comment on a photo", takes=PostComment, status=201,
        gives={
            "comment": {
                "id": "936236128473419783", "text": "Where is this?", "reply_to": None,
                "posted_at": "2026-11-22T09:01:00Z",
            },
        },
    ),
    Command(
        "DELETE", "/v1/photos/{id}/comments/{comment}", delete_comment, "signed in", "Delete a comment", status=204
    ),
)  # fmt: skip
