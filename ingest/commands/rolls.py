"""Shared rolls of film: open, rename, close, invite, join, leave."""

from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from ingest.command import Call, Command, Done, F, accepted
from ingest.doors import Doors
from ingest.idempotency import once
from ingest.rules import rolls as rules
from ingest.rules.rolls import OpenRoll, RenameRoll
from schemas import ids
from schemas.facts import RollOpened
from schemas.hashes import Roll
from schemas.ids import FactId, RollId, UserId
from schemas.problems import Refused, refusal

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
    return accepted(rules.decide_opening(call.body, home_tz=home_tz, id=id, roll=roll, by=call.by, at=call.at))


async def rename(doors: Doors, call: Call) -> Done:
    """The roll has another name for everyone; whatever else it was opened with stays."""
    roll = RollId(call.id())
    known = await doors.projections.roll(roll, call.by)
    decision = rules.decide_renaming(known, call.body, roll=roll, id=call.fresh_fact_id(), by=call.by, at=call.at)
    fact = accepted(decision)
    origin = await doors.log.fact(fact, call.trace)
    told = _told(roll, known.roll, fact.personal.name) if known else {}
    return Done(200, {"roll": told}, (origin,))


async def close(doors: Doors, call: Call) -> Done:
    """Nobody joins the roll and nothing is taken into it any more; what waits for its reveal is revealed in time."""
    roll = RollId(call.id())
    known = await doors.projections.roll(roll, call.by)
    decision = rules.decide_closing(known, roll=roll, id=call.fresh_fact_id(), by=call.by, at=call.at)
    if decision is None:
        return Done(200, {"roll": {"id": roll, "closed_at": known and known.roll.closed_at}})
    fact = accepted(decision)
    origin = await doors.log.fact(fact, call.trace)
    return Done(200, {"roll": {"id": roll, "closed_at": fact.at}}, (origin,))


async def invite(doors: Doors, call: Call) -> Done:
    """A link that lets whoever has it join. Its token is told once and stored nowhere."""
    roll, token = RollId(call.id()), token_urlsafe(INVITE_BYTES)
    known = await doors.projections.roll(roll, call.by)
    fact = accepted(
        rules.decide_invite(
            known, token_sha256=_hash(token), roll=roll, id=call.fresh_fact_id(), by=call.by, at=call.at
        )
    )
    origin = await doors.log.fact(fact, call.trace)
    return Done(201, {"token": token, "expires_at": fact.expires_at}, (origin,))


async def revoke(doors: Doors, call: Call) -> Done:
    """The invite opens nothing any more. Who joined by it stays a member."""
    roll, secret = RollId(call.id()), _hash(str(call.request.path_params["token"]))
    known = await doors.projections.roll(roll, call.by)
    found = await doors.projections.invite(secret)
    decision = rules.decide_revoking(
        known, found, token_sha256=secret, roll=roll, id=call.fresh_fact_id(), by=call.by, at=call.at
    )
    return await _gone(doors, call, decision)


async def join(doors: Doors, call: Call) -> Done:
    """Membership for the bearer of an invite."""
    found = await doors.projections.invite(_hash(str(call.request.path_params["token"])))
    known = await doors.projections.roll(found.roll, call.by) if found else None
    fact = accepted(rules.decide_joining(found, known, id=call.fresh_fact_id(), by=call.by, at=call.at))
    origin = await doors.log.fact(fact, call.trace)
    return Done(200, {"roll": {"id": fact.roll}}, (origin,))


async def leave(doors: Doors, call: Call) -> Done:
    """You leave the roll (`me` will do), or somebody is removed from a roll of yours. Their photos stay in it."""
    roll = RollId(call.id())
    whom = call.by if call.request.path_params["user"] == "me" else UserId(call.id("user"))
    known = await doors.projections.roll(roll, call.by)
    is_member = await doors.projections.is_member(roll, whom)
    decision = rules.decide_leaving(
        known, whom, roll=roll, is_member=is_member, id=call.fresh_fact_id(), by=call.by, at=call.at
    )
    return await _gone(doors, call, decision)


async def _gone(doors: Doors, call: Call, decision: F | Refused | None) -> Done:
    """204, whether it goes now or went before."""
    if decision is None:
        return Done(204)
    return Done(204, None, (await doors.log.fact(accepted(decision), call.trace),))


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


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
    Command("PATCH", "/v1/rolls/{id}", rename, "signed in", "Rename a roll", takes=RenameRoll, gives={"roll": _ROLL}),
    Command(
        "POST", "/v1/rolls/{id}/close", close, "signed in", "Close a roll",
        gives={"roll": {"id": "936180137312256007", "closed_at": "2026-11-21T18:30:00Z"}},
    ),
    Command(
        "POST", "/v1/rolls/{id}/invites", invite, "signed in", "Invite to a roll: a link's token, told once",
        status=201, gives={"token": "…", "expires_at": "2026-11-28T18:30:00Z"},
    ),
    Command("DELETE", "/v1/rolls/{id}/invites/{token}", revoke, "signed in", "Revoke an invite", status=204),
    Command(
        "DELETE", "/v1/rolls/{id}/members/{user}", leave, "signed in", "Leave a roll, or remove a member", status=204
    ),
    Command(
        "POST", "/v1/invites/{token}", join, "signed in", "Join a roll by an invite",
        gives={"roll": {"id": "936180137312256007"}},
    ),
)  # fmt: skip
