"""Shared rolls of film: open, invite, join."""

from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from ingest.command import Call, Command, Done, accepted
from ingest.doors import Doors
from ingest.idempotency import once
from ingest.rules.rolls import OpenRoll, decide_invite, decide_joining, decide_opening
from schemas import ids
from schemas.facts import RollOpened
from schemas.ids import FactId, RollId
from schemas.problems import refusal
from schemas.projections import Roll

INVITE_BYTES = 24  # 192 bits: nobody guesses one


async def open_roll(doors: Doors, call: Call) -> Done:
    """A roll of the caller's."""
    attempt = call.attempt(RollOpened, "POST /v1/rolls")
    made = await once(doors, attempt, lambda: _opened(doors, call, attempt.id))
    if made.fact is not None:
        return Done(201, {"roll": _told(made.fact.roll, made.fact, made.fact.personal.name)}, made.positions)
    known = await doors.projections.roll(RollId(made.entity or ""), call.by)
    if known is None:
        raise refusal("not_found", "the roll that this key opened is gone")
    return Done(201, {"roll": _told(RollId(made.entity or ""), known.roll, known.roll.name)})


async def _opened(doors: Doors, call: Call, id: FactId) -> RollOpened:
    owner = await doors.projections.profile(call.by)
    bucket = ids.bucket(call.by)
    roll = RollId(ids.compose(call.at, bucket, await doors.leases.sequence(bucket, call.at)))
    home_tz = owner.tz if owner else "UTC"
    return accepted(decide_opening(call.body, home_tz=home_tz, id=id, roll=roll, by=call.by, at=call.at))


async def invite(doors: Doors, call: Call) -> Done:
    """A link that lets whoever has it join. Its token is told once and stored nowhere."""
    roll, token = RollId(call.id()), token_urlsafe(INVITE_BYTES)
    known = await doors.projections.roll(roll, call.by)
    secret = sha256(token.encode()).hexdigest()
    fact = accepted(
        decide_invite(known, token_sha256=secret, roll=roll, id=call.fresh_fact_id(), by=call.by, at=call.at)
    )
    origin = await doors.log.fact(fact, call.trace)
    return Done(201, {"token": token, "expires_at": fact.expires_at}, (origin,))


async def join(doors: Doors, call: Call) -> Done:
    """Membership for the bearer of an invite."""
    token = str(call.request.path_params["token"])
    found = await doors.projections.invite(sha256(token.encode()).hexdigest())
    fact = accepted(decide_joining(found, id=call.fresh_fact_id(), by=call.by, at=call.at))
    origin = await doors.log.fact(fact, call.trace)
    return Done(200, {"roll": {"id": fact.roll}}, (origin,))


def _told(id: RollId, roll: Roll | RollOpened, name: str) -> dict[str, Any]:
    shown = {"film": roll.film, "develop": roll.develop, "tz": roll.tz, "visibility": roll.visibility}
    return {"id": id, "name": name, **shown}


_ROLL = {
    "id": "936180137312256007", "name": "Lisbon", "film": "darkroom-400", "develop": "09:00", "tz": "Europe/Lisbon",
    "visibility": "private",
}  # fmt: skip

COMMANDS = (
    Command(
        "POST", "/v1/rolls", open_roll, "signed in", "Open a roll", takes=OpenRoll, status=201, gives={"roll": _ROLL}
    ),
    Command(
        "POST", "/v1/rolls/{id}/invites", invite, "signed in", "Invite to a roll: a link's token, told once",
        status=201, gives={"token": "…", "expires_at": "2026-11-28T18:30:00Z"},
    ),
    Command(
        "POST", "/v1/invites/{token}", join, "signed in", "Join a roll by an invite",
        gives={"roll": {"id": "936180137312256007"}},
    ),
)  # fmt: skip
