"""Who follows whom, and who would rather not."""

from typing import Any

from ingest.command import Call, Command, Done, F, accepted
from ingest.doors import Doors
from ingest.rules import social as rules
from ingest.rules.social import SetPreferences
from schemas.facts import UserFollowed
from schemas.ids import UserId
from schemas.problems import Refused
from schemas.topics import Origin


async def follow(doors: Doors, call: Call) -> Done:
    """Their photos come into the caller's feed; of a private account, once it accepts (`you_requested` until then)."""
    whom = UserId(call.id())
    known = await doors.projections.standing(call.by, whom)
    decision = rules.decide_following(known, whom, id=call.fresh_fact_id(), by=call.by, at=call.at)
    if decision is None:
        return Done(200, _following(whom, follows=True))
    origin = await _appended(doors, call, decision)
    follows = isinstance(decision, UserFollowed)
    return Done(200, _following(whom, follows=follows, requested=not follows), (origin,))


async def unfollow(doors: Doors, call: Call) -> Done:
    """Their photos leave the caller's feed; a request is taken back."""
    whom = UserId(call.id())
    known = await doors.projections.standing(call.by, whom)
    decision = rules.decide_unfollowing(known, whom, id=call.fresh_fact_id(), by=call.by, at=call.at)
    origin = await _appended(doors, call, decision)
    return Done(200, _following(whom), (origin,))


async def accept(doors: Doors, call: Call) -> Done:
    """Whoever has this id asked to follow the caller, and does so from now on."""
    whom = UserId(call.id())
    known = await doors.projections.standing(call.by, whom)
    decision = rules.decide_accepting(known, whom, id=call.fresh_fact_id(), by=call.by, at=call.at)
    told = {"user": {"id": whom}, "follows_you": True}
    if decision is None:
        return Done(200, told)
    return Done(200, told, (await _appended(doors, call, decision),))


async def decline(doors: Doors, call: Call) -> Done:
    """Whoever has this id asked to follow the caller, and is not answered."""
    whom = UserId(call.id())
    known = await doors.projections.standing(call.by, whom)
    decision = rules.decide_declining(known, whom, id=call.fresh_fact_id(), by=call.by, at=call.at)
    return Done(204, None, (await _appended(doors, call, decision),))


async def remove_follower(doors: Doors, call: Call) -> Done:
    """They follow the caller no more, and are not told."""
    whom = UserId(call.id())
    known = await doors.projections.standing(call.by, whom)
    decision = rules.decide_removing(known, whom, id=call.fresh_fact_id(), by=call.by, at=call.at)
    if decision is None:
        return Done(204)
    return Done(204, None, (await _appended(doors, call, decision),))


async def block(doors: Doors, call: Call) -> Done:
    """Both see nothing of each other. Follows, requests and membership in each other's rolls end, and stay ended."""
    whom = UserId(call.id())
    known = await doors.projections.standing(call.by, whom)
    owners = await doors.projections.owners_of_shared_rolls(call.by, whom) if known else {}
    decision = rules.decide_blocking(known, whom, owners, id=call.fresh_fact_id(), by=call.by, at=call.at)
    facts = accepted(decision)
    positions = [await doors.log.fact(fact, call.trace) for fact in facts]
    return Done(200, {"user": {"id": whom}, "you_block": True}, tuple(positions))


async def unblock(doors: Doors, call: Call) -> Done:
    """They may see each other again; that they followed each other does not come back."""
    whom = UserId(call.id())
    known = await doors.projections.standing(call.by, whom)
    decision = rules.decide_unblocking(known, whom, id=call.fresh_fact_id(), by=call.by, at=call.at)
    *before, unblocked = [await doors.log.fact(fact, call.trace) for fact in accepted(decision)]
    return Done(200, {"user": {"id": whom}, "you_block": False}, (unblocked, *before))


async def mute(doors: Doors, call: Call) -> Done:
    """Their photos stay out of the caller's feed; nobody is told."""
    whom = UserId(call.id())
    known = await doors.projections.standing(call.by, whom)
    decision = rules.decide_muting(known, whom, id=call.fresh_fact_id(), by=call.by, at=call.at)
    origin = await _appended(doors, call, decision)
    return Done(200, {"user": {"id": whom}, "you_mute": True}, (origin,))


async def unmute(doors: Doors, call: Call) -> Done:
    """Their photos are in the caller's feed again, those of meanwhile too."""
    whom = UserId(call.id())
    known = await doors.projections.standing(call.by, whom)
    decision = rules.decide_unmuting(known, whom, id=call.fresh_fact_id(), by=call.by, at=call.at)
    origin = await _appended(doors, call, decision)
    return Done(200, {"user": {"id": whom}, "you_mute": False}, (origin,))


async def set_preferences(doors: Doors, call: Call) -> Done:
    """A private account's photos are for its followers, and who wants to follow has to ask; who follows, stays."""
    fact = rules.decide_preferences(call.body, id=call.fresh_fact_id(), by=call.by, at=call.at)
    origin = await doors.log.fact(fact, call.trace)
    return Done(200, {"preferences": {"visibility": fact.visibility}}, (origin,))


async def _appended(doors: Doors, call: Call, decision: F | Refused) -> Origin:
    return await doors.log.fact(accepted(decision), call.trace)


def _following(whom: UserId, *, follows: bool = False, requested: bool = False) -> dict[str, Any]:
    return {"user": {"id": whom}, "you_follow": follows, "you_requested": requested}


_WHO = UserId("934671189654798336")
_USER = {"user": {"id": _WHO}}

COMMANDS = (
    Command(
        "POST", "/v1/users/{id}/follow", follow, "signed in", "Follow a user, or ask to",
        gives=_following(_WHO, follows=True),
    ),
    Command("DELETE", "/v1/users/{id}/follow", unfollow, "signed in", "Unfollow a user", gives=_following(_WHO)),
    Command(
        "POST", "/v1/follow-requests/{id}/accept", accept, "signed in", "Let a user follow who asked to",
        gives={**_USER, "follows_you": True},
    ),
    Command("POST", "/v1/follow-requests/{id}/decline", decline, "signed in", "Decline a user's request", status=204),
    Command("DELETE", "/v1/me/followers/{id}", remove_follower, "signed in", "Remove a follower", status=204),
    Command("POST", "/v1/users/{id}/block", block, "signed in", "Block a user", gives={**_USER, "you_block": True}),
    Command(
        "DELETE", "/v1/users/{id}/block", unblock, "signed in", "Unblock a user", gives={**_USER, "you_block": False}
    ),
    Command("POST", "/v1/users/{id}/mute", mute, "signed in", "Mute a user", gives={**_USER, "you_mute": True}),
    Command("DELETE", "/v1/users/{id}/mute", unmute, "signed in", "Unmute a user", gives={**_USER, "you_mute": False}),
    Command(
        "PUT", "/v1/me/preferences", set_preferences, "signed in", "Set your preferences", takes=SetPreferences,
        gives={"preferences": {"visibility": "private"}},
    ),
)  # fmt: skip
