"""What a reader's candidates are, of views that workers filled: in one piece, or page by page."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from api import candidates
from processors.stores.projections import Projections
from schemas import projections
from schemas.facts import PhotoDeveloped
from schemas.ids import PhotoId, UserId, floor_at
from schemas.projections import Processor
from tests import builders as a
from tests.processors.histories import PEOPLE, History, logged
from tests.processors.worlds import World

LATER = a.NOON + timedelta(days=5)


class Pulling(Projections):
    """A worker that pulls whoever has more active followers than so many."""

    above = 0

    def __init__(self, processor: Processor, url: str, clock: Callable[[], datetime]) -> None:
        super().__init__(processor, url, clock, self.above)


def pulling(above: int) -> type[Projections]:
    return type("Pulling", (Pulling,), {"above": above})


async def read(
    world: World,
    reader: UserId,
    at: datetime = a.NOON,
    below: int | None = None,
    above: int | None = None,
    count: int = 100,
) -> list[PhotoId]:
    """What api takes for candidates, of people whom the reader follows."""

    async def ask(*commands: tuple[str | int, ...]) -> list[Any]:
        pipe = world.redis.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        return await pipe.execute() if commands else []

    top, opened_at = (below, None) if below else (floor_at(at), at)
    older = candidates.Older(top, count)
    look = older if above is None else candidates.Newer(above, top, count)
    found = await candidates.find(ask, reader, look, opened_at)
    followed = {reader, *await world.redis.smembers(projections.following(reader))}
    by = {photo: author for author in PEOPLE for photo in await published(world, author)}
    return [photo for photo in found if by.get(photo) in followed]


async def published(world: World, author: UserId) -> set[PhotoId]:
    """What stands in their outbox, and in their grid, which says what they ever took."""
    grid: list[Any] = await world.redis.zrange(projections.user_photos(author), 0, -1)
    outbox: list[Any] = await world.redis.lrange(projections.outbox(author), 0, -1)
    return {*outbox, *map(projections.photo_at, grid)}


async def reads(world: World) -> dict[UserId, list[PhotoId]]:
    return {reader: await read(world, reader) for reader in PEOPLE}


async def happened(world: World, history: History, kind: type[Projections] = Projections) -> Any:
    """Both views have seen it; gives the worker of `feeds`."""
    feeds, views = await world.worker("feeds", kind), await world.worker("views")
    await views.apply(logged(history, "views"))
    await feeds.apply(logged(history, "feeds"))
    return feeds


EVERYBODY: History = [a.user_registered(user, f"user {n}") for n, user in enumerate(PEOPLE)]


async def walked(world: World, reader: UserId, count: int = 30) -> list[PhotoId]:
    found = page = await read(world, reader, count=count)
    while page:
        page = await read(world, reader, below=int(page[-1]), count=count)
        found = found + page
    return found


async def walked_back(world: World, reader: UserId, count: int) -> list[PhotoId]:
    """Every candidate page by page, from the oldest on."""
    found = list[PhotoId]()
    while page := await read(world, reader, count=count, above=int(found[-1]) if found else 0):
        found = found + page
    return found


def taken(author: UserId, numbers: Sequence[int]) -> list[PhotoDeveloped]:
    return [a.photo_developed(author, a.a_photo(author, number)) for number in numbers]


def told(author: UserId, numbers: Sequence[int], reveal_at: datetime = a.MORNING) -> History:
    """As `taken`; and views know it, too."""
    photos = [a.a_photo(author, number, reveal_at) for number in numbers]
    return [fact for p in photos for fact in (a.photo_captured(author, p), a.photo_developed(author, p))]


def newest_first(*authors: UserId, numbers: Sequence[int]) -> list[PhotoId]:
    return sorted((a.a_photo(author, number) for author in authors for number in numbers), key=int, reverse=True)
