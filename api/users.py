"""GET /v1/users/{user}: a person and their photos; `me` is whoever asks."""

from datetime import datetime

import msgspec

from api import hydration
from api.hydration import PhotoPage
from api.projections import Person
from api.routes import PAGED, Asked, Route
from schemas import projections as view
from schemas.ids import PhotoId, UserId, floor_at
from schemas.problems import refusal


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person. `photos` counts the revealed ones that you may see, up to 500."""

    id: UserId
    username: str
    display_name: str | None
    registered_at: datetime
    photos: int
    followers: int
    following: int
    you_follow: bool


async def user(asked: Asked) -> User:
    """A person with their counts."""
    person = await _person(asked)
    return User(
        id=_id(asked),
        username=person.profile.username,
        display_name=person.profile.display_name,
        registered_at=person.profile.registered_at,
        photos=await hydration.count(asked, view.user_photos(_id(asked))),
        followers=person.followers,
        following=person.following,
        you_follow=person.is_followed,
    )


async def photos(asked: Asked) -> PhotoPage:
    """A person's photos, newest reveal first; in your own grid sealed and spoiled ones too."""
    await _person(asked)
    places, floor = asked.room.projections.places, PhotoId(str(floor_at(asked.now)))
    highest = None if asked.target == asked.reader else floor

    async def older(below: PhotoId | None, count: int) -> list[PhotoId]:
        return await places(view.user_photos(_id(asked)), below or highest, count)

    return await hydration.page(asked, older)


async def _person(asked: Asked) -> Person:
    person = await asked.room.projections.person(_id(asked), asked.reader)
    if person is None:
        raise refusal("not_found", "there is no such person")
    return person


def _id(asked: Asked) -> UserId:
    return UserId(asked.target)


ROUTES = (
    Route(path="/v1/users/{user}", answer=user, gives=User, policy="signed_in", behind=("views",), target="user"),
    Route(
        path="/v1/users/{user}/photos",
        answer=photos,
        gives=PhotoPage,
        policy="signed_in",
        behind=("views",),
        target="user",
        parameters=PAGED,
    ),
)
