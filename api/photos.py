"""GET /v1/photos/{photo}: one photo, and who likes it."""

from api import hydration, moderation, people
from api.cards import Photo
from api.moderation import TakenDownPhoto
from api.people import People
from api.routes import PAGED, Asked, Route
from schemas import projections as view
from schemas.ids import PhotoId
from schemas.problems import refusal


async def photo(asked: Asked) -> Photo | TakenDownPhoto:
    """A photo, with links to its pictures; before its reveal only the author's sealed card."""
    which = PhotoId(asked.target)
    if found := hydration.items(asked, await hydration.seen(asked, [which])):
        return found[0]
    if moderated := await moderation.photo(asked, which):
        return moderated
    raise refusal("not_found", "there is no such photo")


async def likes(asked: Asked) -> People:
    """Who likes a photo, oldest account first."""
    found = await hydration.revealed(asked, PhotoId(asked.target))
    return await people.page(asked, await asked.room.projections.relations.people(view.likers(found.photo)))


ROUTES = (
    Route(
        path="/v1/photos/{photo}",
        answer=photo,
        gives=Photo | TakenDownPhoto,
        policy="signed_in",
        behind=("views",),
        target="photo",
        sheds=("counters",),
    ),
    Route(
        path="/v1/photos/{photo}/likes",
        answer=likes,
        gives=People,
        policy="signed_in",
        behind=("views",),
        target="photo",
        parameters=PAGED,
    ),
)
