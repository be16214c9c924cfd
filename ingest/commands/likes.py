"""Likes: a set of people, told by each for themselves."""

from typing import Any

from ingest.command import Call, Command, Done, accepted
from ingest.doors import Doors
from ingest.rules import likes as rules
from schemas.ids import PhotoId


async def like(doors: Doors, call: Call) -> Done:
    """The caller likes the photo, however often they say so."""
    photo = PhotoId(call.id())
    known = await doors.projections.photo(photo, call.by)
    fact = accepted(rules.decide_liking(known, photo=photo, id=call.fresh_fact_id(), by=call.by, at=call.at))
    return Done(200, _told(photo, likes=True), (await doors.log.fact(fact, call.trace),))


async def unlike(doors: Doors, call: Call) -> Done:
    """The caller likes the photo no more."""
    photo = PhotoId(call.id())
    known = await doors.projections.photo(photo, call.by)
    fact = accepted(rules.decide_unliking(known, photo=photo, id=call.fresh_fact_id(), by=call.by, at=call.at))
    return Done(200, _told(photo, likes=False), (await doors.log.fact(fact, call.trace),))


def _told(photo: PhotoId, *, likes: bool) -> dict[str, Any]:
    return {"photo": {"id": photo}, "you_like": likes}


_PHOTO = PhotoId("936202417169956871")

COMMANDS = (
    Command("PUT", "/v1/photos/{id}/like", like, "signed in", "Like a photo", gives=_told(_PHOTO, likes=True)),
    Command("DELETE", "/v1/photos/{id}/like", unlike, "signed in", "Unlike a photo", gives=_told(_PHOTO, likes=False)),
)
