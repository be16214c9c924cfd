"""GET /v1/users/{user}: a person, their photos, and who follows whom; `me` is whoever asks."""

from datetime import datetime

import msgspec

from api import hydration, people
from api.hydration import PhotoPage
from api.people import People
from api.relations import Person
from api.routes import PAGED, Asked, Route
from schemas import projections as view
from schemas.facts import Visibility
from schemas.ids import PhotoId, UserId, floor_at
from schemas.problems import refusal
from schemas.visibility import UNSEEN


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person. `photos` counts the revealed ones that you may see, up to 500: none of a private account's strangers.

    It is null in an answer that is `degraded` by `counters`. `you_requested`: you asked to follow a private account,
    which has not answered.
    """

    id: UserId
    username: str
    display_name: str | None
    registered_at: datetime
    photos: int | None
    followers: int
    following: int
    visibility: Visibility
    you_follow: bool
    you_requested: bool
    follows_you: bool
    you_mute: bool


async def user(asked: Asked) -> User:
    """A person with their counts."""
    person = await _person(asked)
    return User(
        id=_id(asked),
        username=person.profile.username,
        display_name=person.profile.display_name,
        registered_at=person.profile.registered_at,
        photos=await hydration.count(asked, view.user_photos(_id(asked))) if person.tied == "open" else 0,
        followers=person.followers,
        following=person.following,
        visibility="private" if person.profile.is_private else "public",
        you_follow=person.is_followed,
        you_requested=person.is_asked,
        follows_you=person.is_follower,
        you_mute=person.is_muted,
    )


async def photos(asked: Asked) -> PhotoPage:
    """A person's photos, newest reveal first; in your own grid sealed and spoiled ones too."""
    await _open(asked)
    places, floor = asked.room.projections.places, PhotoId(str(floor_at(asked.now)))
    highest = None if asked.target == asked.reader else floor

    async def beyond(edge: PhotoId | None, count: int) -> list[PhotoId]:
        if edge and asked.is_back:
            return await asked.room.projections.places_above(view.user_photos(_id(asked)), edge, highest, count)
        return await places(view.user_photos(_id(asked)), edge or highest, count)

    return await hydration.page(asked, beyond)


async def followers(asked: Asked) -> People:
    """Who follows a person, oldest account first."""
    await _open(asked)
    return await people.page(asked, await asked.room.projections.relations.people(view.followers(_id(asked))))


async def following(asked: Asked) -> People:
    """Whom a person follows, oldest account first."""
    await _open(asked)
    return await people.page(asked, await asked.room.projections.relations.people(view.following(_id(asked))))


async def _person(asked: Asked) -> Person:
    """The person, unless there is none, a block hides them or they are suspended: all are answered alike.

    That they erased themselves is told to who saw them as long as they were there.
    """
    person = await asked.room.projections.relations.person(_id(asked), asked.reader)
    if person and person.tied == "gone":
        raise refusal("gone", "this account was deleted")
    if person is None or person.tied in UNSEEN:
        raise refusal("not_found", "there is no such person")
    return person


async def _open(asked: Asked) -> None:
    """What a private account has besides its profile is not there for strangers."""
    if (await _person(asked)).tied != "open":
        raise refusal("not_found", "this account is private")


def _id(asked: Asked) -> UserId:
    return UserId(asked.target)


ROUTES = (
    Route(
        path="/v1/users/{user}",
        answer=user,
        gives=User,
        policy="signed_in",
        behind=("views",),
        target="user",
        sheds=("counters",),
    ),
    Route(
        path="/v1/users/{user}/photos",
        answer=photos,
        gives=PhotoPage,
        policy="signed_in",
        behind=("views",),
        target="user",
        parameters=PAGED,
        sheds=("counters",),
    ),
    Route(
        path="/v1/users/{user}/followers",
        answer=followers,
        gives=People,
        policy="signed_in",
        behind=("views",),
        target="user",
        parameters=PAGED,
    ),
    Route(
        path="/v1/users/{user}/following",
        answer=following,
        gives=People,
        policy="signed_in",
        behind=("views",),
        target="user",
        parameters=PAGED,
    ),
)
