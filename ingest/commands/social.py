"""Who follows whom."""

from ingest.command import Call, Command, Done, accepted
from ingest.doors import Doors
from ingest.rules.social import decide_following, decide_unfollowing
from schemas.ids import UserId


async def follow(doors: Doors, call: Call) -> Done:
    """Their photos come into the caller's feed."""
    whom = UserId(call.id())
    exists = await doors.projections.profile(whom) is not None
    fact = accepted(decide_following(whom, exists=exists, id=call.fresh_fact_id(), by=call.by, at=call.at))
    origin = await doors.log.fact(fact, call.trace)
    return Done(200, {"user": {"id": whom}, "you_follow": True}, (origin,))


async def unfollow(doors: Doors, call: Call) -> Done:
    """Their photos leave the caller's feed."""
    whom = UserId(call.id())
    exists = await doors.projections.profile(whom) is not None
    fact = accepted(decide_unfollowing(whom, exists=exists, id=call.fresh_fact_id(), by=call.by, at=call.at))
    origin = await doors.log.fact(fact, call.trace)
    return Done(200, {"user": {"id": whom}, "you_follow": False}, (origin,))


_FOLLOWS = {"user": {"id": "934671189654798336"}, "you_follow": True}

COMMANDS = (
    Command("POST", "/v1/users/{id}/follow", follow, "signed in", "Follow a user", gives=_FOLLOWS),
    Command(
        "DELETE", "/v1/users/{id}/follow", unfollow, "signed in", "Unfollow a user",
        gives={**_FOLLOWS, "you_follow": False},
    ),
)  # fmt: skip
