"""Reports by whoever sees a photo, and what moderators decide: a photo is taken down, or it stands."""

from typing import Any

from ingest.command import Call, Command, Done, accepted
from ingest.doors import Doors
from ingest.idempotency import once
from ingest.rules import moderation as rules
from ingest.rules.moderation import ReportPhoto, Suspend, TakeDown
from schemas.facts import PhotoReported
from schemas.ids import FactId, PhotoId, UserId


async def report(doors: Doors, call: Call) -> Done:
    """The caller thinks that the photo should be gone. Moderators are told; nobody else, and its author never."""
    photo = PhotoId(call.id())
    attempt = call.attempt(PhotoReported, f"POST /v1/photos/{photo}/reports")
    made = await once(doors, attempt, lambda: _reported(doors, call, photo, attempt.id))
    return Done(201, {"report": {"photo": photo}}, made.positions)


async def _reported(doors: Doors, call: Call, photo: PhotoId, id: FactId) -> PhotoReported:
    doors.pace.take(call.by)
    command: ReportPhoto = call.body
    known = await doors.projections.photo(photo, call.by)
    again = await doors.projections.has_reported(photo, call.by)
    return accepted(rules.decide_report(command, known, again, photo=photo, id=id, by=call.by, at=call.at))


async def take_down(doors: Doors, call: Call) -> Done:
    """Nobody but moderators sees the photo from now on, its author neither; all that hangs on it is kept."""
    photo, command = PhotoId(call.id()), call.body
    card = await doors.projections.card(photo)
    decision = rules.decide_takedown(command, card, photo=photo, id=call.fresh_fact_id(), by=call.by, at=call.at)
    origin = await doors.log.fact(accepted(decision), call.trace)
    return Done(200, _taken_down(photo, command.reason), (origin,))


async def reverse_takedown(doors: Doors, call: Call) -> Done:
    """The photo stands as if it had never been taken down; its open reports are settled."""
    photo = PhotoId(call.id())
    card = await doors.projections.card(photo)
    decision = rules.decide_reversal(card, photo=photo, id=call.fresh_fact_id(), by=call.by, at=call.at)
    return Done(204, None, (await doors.log.fact(accepted(decision), call.trace),))


async def suspend(doors: Doors, call: Call) -> Done:
    """Nobody sees the person, their photos and comments from now on; their commands are refused."""
    whom, command = UserId(call.id()), call.body
    known = await doors.projections.profile(whom)
    decision = rules.decide_suspension(command, known, whom, id=call.fresh_fact_id(), by=call.by, at=call.at)
    origin = await doors.log.fact(accepted(decision), call.trace)
    return Done(200, _suspended(whom, command.reason), (origin,))


async def reinstate(doors: Doors, call: Call) -> Done:
    """The person is back as if they had never been suspended."""
    whom = UserId(call.id())
    known = await doors.projections.profile(whom)
    decision = rules.decide_reinstatement(known, whom, id=call.fresh_fact_id(), by=call.by, at=call.at)
    return Done(204, None, (await doors.log.fact(accepted(decision), call.trace),))


def _suspended(whom: UserId, reason: str) -> dict[str, Any]:
    return {"user": {"id": whom}, "suspended": reason}


def _taken_down(photo: PhotoId, reason: str) -> dict[str, Any]:
    return {"photo": {"id": photo}, "taken_down": reason}


_PHOTO = PhotoId("936202417169956871")

COMMANDS = (
    Command(
        "POST", "/v1/photos/{id}/reports", report, "signed in", "Report a photo", takes=ReportPhoto, status=201,
        gives={"report": {"photo": _PHOTO}},
    ),
    Command(
        "PUT", "/v1/photos/{id}/takedown", take_down, "moderator", "Take a photo down", takes=TakeDown,
        gives=_taken_down(_PHOTO, "copyright"),
    ),
    Command(
        "PUT", "/v1/users/{id}/suspension", suspend, "moderator", "Suspend a user", takes=Suspend,
        gives=_suspended(UserId("934671189654798336"), "spam"),
    ),
    Command("DELETE", "/v1/users/{id}/suspension", reinstate, "moderator", "End a user's suspension", status=204),
    Command(
        "DELETE", "/v1/photos/{id}/takedown", reverse_takedown, "moderator", "Let a photo stand", status=204
    ),
)  # fmt: skip
