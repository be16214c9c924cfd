"""Upload tickets: the phone sends its bytes to S3, not through us."""

from datetime import timedelta
from secrets import token_bytes

from ingest.command import Call, Command, Done
from ingest.doors import Doors
from ingest.rules import tickets
from ingest.rules.photos import AskUpload, upload_fault
from schemas.objects import TICKET_SECONDS
from schemas.problems import Refusal


async def ticket(doors: Doors, call: Call) -> Done:
    """A presigned POST for exactly one key, type and size, good for five minutes."""
    asked: AskUpload = call.body
    if refused := upload_fault(asked):
        raise Refusal(refused)
    upload = tickets.upload_id(call.by, token_bytes(tickets.DRAWN_BYTES))
    url, fields = await doors.objects.ticket(call.by, upload, asked)
    expires_at = call.at + timedelta(seconds=TICKET_SECONDS)
    return Done(201, {"upload_id": upload, "url": url, "fields": fields, "expires_at": expires_at})


COMMANDS = (
    Command(
        "POST", "/v1/uploads", ticket, "signed in", "A ticket to upload one picture straight to the store",
        takes=AskUpload, status=201,
        gives={
            "upload_id": "0f3c2a1b4d5e6f708192a3b4c5d6e7f8", "url": "https://…", "fields": {"key": "…"},
            "expires_at": "2026-11-21T18:35:00Z",
        },
    ),
)  # fmt: skip
