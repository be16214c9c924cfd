"""GET /v1/rolls/{roll}: a shared roll, its photos and its members. A private one is 404 to whoever is not a member."""

from datetime import datetime

import msgspec

from api import hydration
from api.cards import Author, author
from api.hydration import PhotoPage
from api.projections import Shared
from api.routes import PAGED, Asked, Page, Route
from schemas import projections as view
from schemas.facts import Visibility
from schemas.ids import PhotoId, RollId, floor_at
from schemas.problems import refusal

SEALED_SHOWN = 200  # of one's own photos in a roll that wait for their reveal


class RollAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A roll. `photos` counts the revealed ones, up to 500; `develop` is a local time in `tz`, or a delay."""

    id: RollId
    name: str
    owner: Author
    film: str
    develop: str
    tz: str
    visibility: Visibility
    opened_at: datetime
    photos: int
    members: int
    you_are_member: bool


class Members(Page, frozen=True, kw_only=True):
    """People of a roll, oldest account first."""

    items: tuple[Author, ...]


async def roll(asked: Asked) -> RollAnswer:
    """A roll with its counts."""
    shared, found = await _entered(asked)
    profiles = await asked.room.projections.profiles([found.owner])
    return RollAnswer(
        id=_id(asked),
        name=found.name,
        owner=author(found.owner, profiles[found.owner]),
        film=found.film,
        develop=found.develop,
        tz=found.tz,
        visibility=found.visibility,
        opened_at=found.opened_at,
        photos=await hydration.count(asked, view.roll_photos(_id(asked))),
        members=shared.members,
        you_are_member=shared.admitted == "member",
    )


async def photos(asked: Asked) -> PhotoPage:
    """The roll's photos, newest reveal first; your own sealed ones before them."""
    await _entered(asked)
    places, floor = asked.room.projections.places, PhotoId(str(floor_at(asked.now)))
    own = await asked.room.projections.sealed_in(_id(asked), asked.reader, asked.now, SEALED_SHOWN)

    async def older(below: PhotoId | None, count: int) -> list[PhotoId]:
        sealed = [photo for photo in own if below is None or int(photo) < int(below)][:count]
        top = floor if below is None or int(below) > int(floor) else below
        return sealed + await places(view.roll_photos(_id(asked)), top, count - len(sealed))

    return await hydration.page(asked, older)


async def members(asked: Asked) -> Members:
    """The roll's members."""
    await _entered(asked)
    everyone = await asked.room.projections.members(_id(asked))
    later = [user for user in everyone if asked.position is None or int(user) > int(asked.position)]
    shown = later[: asked.limit]
    profiles = await asked.room.projections.profiles(shown)
    last = shown[-1] if len(later) > len(shown) else None
    return Members(items=tuple(author(user, profiles[user]) for user in shown), next_cursor=asked.cursor(last))


async def _entered(asked: Asked) -> tuple[Shared, view.Roll]:
    """The roll, if the reader may see it; a closed one and a missing one are answered alike."""
    shared = await asked.room.projections.shared(_id(asked), asked.reader)
    if shared.roll is None or shared.admitted == "closed":
        raise refusal("not_found", "there is no such roll")
    return shared, shared.roll


def _id(asked: Asked) -> RollId:
    return RollId(asked.target)


ROUTES = (
    Route(path="/v1/rolls/{roll}", answer=roll, gives=RollAnswer, policy="signed_in", behind=("views",), target="roll"),
    Route(
        path="/v1/rolls/{roll}/photos",
        answer=photos,
        gives=PhotoPage,
        policy="signed_in",
        behind=("views",),
        target="roll",
        parameters=PAGED,
    ),
    Route(
        path="/v1/rolls/{roll}/members",
        answer=members,
        gives=Members,
        policy="signed_in",
        behind=("views",),
        target="roll",
        parameters=PAGED,
    ),
)
