"""GET /v1/rolls/{roll}: a shared roll, its photos and its members. A private one is 404 to whoever is not a member."""

from datetime import datetime

import msgspec

from api import hydration, people
from api.cards import Author, author
from api.hydration import PhotoPage
from api.people import People
from api.relations import Shared
from api.routes import PAGED, Asked, Route
from schemas import hashes
from schemas import projections as view
from schemas.facts import Visibility
from schemas.ids import PhotoId, RollId, floor_at
from schemas.problems import refusal

SEALED_SHOWN = 200  # of one's own photos in a roll that wait for their reveal


class RollAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A roll. `photos` counts the revealed ones, up to 500; `develop` is a local time in `tz`, or a delay.

    `photos` is null in an answer that is `degraded` by `counters`.
    """

    id: RollId
    name: str
    owner: Author
    film: str
    develop: str
    tz: str
    visibility: Visibility
    opened_at: datetime
    closed_at: datetime | None
    photos: int | None
    members: int
    you_are_member: bool


async def roll(asked: Asked) -> RollAnswer:
    """A roll with its counts."""
    shared, found = await _entered(asked)
    profiles = await asked.room.projections.relations.profiles([found.owner])
    return RollAnswer(
        id=_id(asked),
        name=found.current_name,
        owner=author(found.owner, profiles[found.owner]),
        film=found.film,
        develop=found.develop,
        tz=found.tz,
        visibility=found.visibility,
        opened_at=found.opened_at,
        closed_at=found.closed_at,
        photos=await hydration.count(asked, view.roll_photos(_id(asked))),
        members=shared.members,
        you_are_member=shared.admitted == "member",
    )


async def photos(asked: Asked) -> PhotoPage:
    """The roll's photos, newest reveal first; your own sealed ones before them."""
    await _entered(asked)
    places, floor = asked.room.projections.places, PhotoId(str(floor_at(asked.now)))
    own = await asked.room.projections.sealed_in(_id(asked), asked.reader, asked.now, SEALED_SHOWN)

    async def beyond(edge: PhotoId | None, count: int) -> list[PhotoId]:
        if edge and asked.is_back:
            due = await asked.room.projections.places_above(view.roll_photos(_id(asked)), edge, floor, count)
            return [*due, *(photo for photo in reversed(own) if int(photo) > int(edge))][:count]
        sealed = [photo for photo in own if edge is None or int(photo) < int(edge)][:count]
        top = floor if edge is None or int(edge) > int(floor) else edge
        return sealed + await places(view.roll_photos(_id(asked)), top, count - len(sealed))

    return await hydration.page(asked, beyond)


async def members(asked: Asked) -> People:
    """The roll's members, oldest account first."""
    await _entered(asked)
    return await people.page(asked, await asked.room.projections.relations.people(view.members(_id(asked))))


async def _entered(asked: Asked) -> tuple[Shared, hashes.Roll]:
    """The roll, if the reader may see it; a closed one and a missing one are answered alike."""
    shared = await asked.room.projections.relations.shared(_id(asked), asked.reader)
    if shared.roll is None or shared.admitted == "closed":
        raise refusal("not_found", "there is no such roll")
    return shared, shared.roll


def _id(asked: Asked) -> RollId:
    return RollId(asked.target)


ROUTES = (
    Route(
        path="/v1/rolls/{roll}",
        answer=roll,
        gives=RollAnswer,
        policy="signed_in",
        behind=("views",),
        target="roll",
        sheds=("counters",),
    ),
    Route(
        path="/v1/rolls/{roll}/photos",
        answer=photos,
        gives=PhotoPage,
        policy="signed_in",
        behind=("views",),
        target="roll",
        parameters=PAGED,
        sheds=("counters",),
    ),
    Route(
        path="/v1/rolls/{roll}/members",
        answer=members,
        gives=People,
        policy="signed_in",
        behind=("views",),
        target="roll",
        parameters=PAGED,
    ),
)
