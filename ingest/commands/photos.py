"""Photos: an upload becomes one, and its author may take it back."""

from secrets import token_hex
from typing import Any
from uuid import UUID, uuid5

from ingest import body
from ingest.command import Call, Command, Done, accepted
from ingest.doors import Doors
from ingest.idempotency import Attempt, Made, once
from ingest.rules import photos as rules
from ingest.rules import tickets
from ingest.rules.photos import Original, TakePhoto
from schemas import ids
from schemas.facts import PhotoCaptured
from schemas.ids import FactId, PhotoId, UploadId
from schemas.objects import MAX_UPLOAD_BYTES, UPLOAD_TYPES
from schemas.problems import Refusal, refusal

ROUTE = "POST /v1/photos"
SECRET_BYTES = 16
QUERY = frozenset({"roll", "caption", "taken_at", "tz"})  # of a photo whose body is the picture itself

_UPLOADS = UUID("8a0f1a56-3b0c-5c9e-9d52-7f9a5f0c2b11")  # namespace of upload ids made of Idempotency-Keys


async def take(doors: Doors, call: Call) -> Done:
    """A photo of what was uploaded, or of the picture in the body. An upload becomes one photo, however often asked."""
    command = _told_upload(call) if call.body is not None else _from_query(call)
    await _refuse_reused_key(doors, call)
    id = ids.command_fact_id(call.by, ROUTE, f"upload:{command.upload_id}", "PhotoCaptured")
    attempt = Attempt(id, PhotoCaptured, "", call.at, call.trace)
    made = await once(doors, attempt, lambda: _captured(doors, call, command, id))
    return Done(201, {"photo": _told(made)}, made.positions)


def _told_upload(call: Call) -> TakePhoto:
    command: TakePhoto = call.body
    if not tickets.is_of(call.by, command.upload_id):
        raise refusal("not_found", "there is no such upload")
    return command


def _from_query(call: Call) -> TakePhoto:
    """The command of a picture sent as the body; its upload is named after the Idempotency-Key."""
    if not call.raw:
        raise refusal("empty_body", "the body is empty; expected a picture")
    upload = uuid5(_UPLOADS, f"{call.by}\n{call.needed_key}").hex
    return body.converted({**dict(call.request.query_params), "upload_id": upload}, TakePhoto)


async def _refuse_reused_key(doors: Doors, call: Call) -> None:
    """What makes a photo unique is its upload; the Idempotency-Key only must not come back with another body."""
    name = ids.command_fact_id(call.by, ROUTE, call.needed_key, "body")
    before = await doors.leases.begin(name, call.body_hash, call.at)
    if before is not None and before.body != call.body_hash:
        raise refusal("idempotency_key_reused", "the Idempotency-Key came with another body before")


async def _captured(doors: Doors, call: Call, command: TakePhoto, id: FactId) -> PhotoCaptured:
    author = await doors.projections.profile(call.by)
    known = await doors.projections.roll(command.roll, call.by) if command.roll else None
    plan = accepted(rules.plan(command, known, home_tz=author.tz if author else "UTC", at=call.at))
    etag = (await _original(doors, call, command.upload_id)).etag
    bucket = ids.bucket(call.by)
    photo = PhotoId(ids.compose(plan.reveal_at, bucket, await doors.leases.sequence(bucket, call.at)))
    secret = token_hex(SECRET_BYTES)
    return rules.decide_capture(command, plan, etag, photo=photo, secret=secret, id=id, by=call.by, at=call.at)


async def _original(doors: Doors, call: Call, upload: UploadId) -> Original:
    """What lies in the bucket; the picture of this very request is put there first."""
    if call.body is None:
        kind = body.header(call.request.scope, b"content-type") or ""
        return await doors.objects.put(call.by, upload, kind, call.raw)
    found = await doors.objects.head(call.by, upload)
    if found is None:
        raise Refusal(rules.missing())
    if refused := rules.original_fault(found):
        raise Refusal(refused)
    return found


def _told(made: Made[PhotoCaptured]) -> dict[str, Any]:
    """The id says when the photo is revealed, so what is told needs no view."""
    photo = made.fact.photo if made.fact else PhotoId(made.entity or "")
    return {"id": photo, "reveal_at": ids.second(photo)}


async def delete(doors: Doors, call: Call) -> Done:
    """The author takes a photo back, before or after its reveal."""
    photo = PhotoId(call.id())
    card = await doors.projections.card(photo)
    decision = rules.decide_deletion(card, photo=photo, id=call.fresh_fact_id(), by=call.by, at=call.at)
    if decision is None:
        return Done(204)
    return Done(204, None, (await doors.log.fact(accepted(decision), call.trace),))


COMMANDS = (
    Command(
        "POST", ROUTE.split()[1], take, "signed in", "Make a photo of an upload, or of the picture in the body",
        takes=TakePhoto, status=201, raw=UPLOAD_TYPES, raw_bytes=MAX_UPLOAD_BYTES, query=QUERY, needs_key=True,
        gives={"photo": {"id": "936202417169956871", "reveal_at": "2026-11-22T09:00:00Z"}},
    ),
    Command("DELETE", "/v1/photos/{id}", delete, "signed in", "Take a photo back", status=204),
)  # fmt: skip
