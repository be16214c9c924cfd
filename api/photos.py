"""GET /v1/photos/{photo}: one photo."""

from api import hydration
from api.cards import Photo
from api.routes import Asked, Route
from schemas.ids import PhotoId
from schemas.problems import refusal


async def photo(asked: Asked) -> Photo:
    """A photo, with links to its pictures; before its reveal only the author's sealed card."""
    found = await hydration.seen(asked, [PhotoId(asked.target)])
    if not found:
        raise refusal("not_found", "there is no such photo")
    return hydration.photo(asked, found[0])


ROUTES = (
    Route(
        path="/v1/photos/{photo}",
        answer=photo,
        gives=Photo,
        policy="signed_in",
        behind=("views",),
        target="photo",
    ),
)
