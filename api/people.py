"""Lists of people, and those that are nobody else's: who asks to follow you, whom you block, whom you mute.

A set is read whole and ordered here: fine for thousands; a list of a million followers wants an order in the view.
"""

from asyncio import gather
from collections.abc import Sequence

from api import paging
from api.cards import Author, author
from api.routes import PAGED, Asked, Page, Route
from schemas import projections as view
from schemas.ids import UserId


class People(Page, frozen=True, kw_only=True):
    """People, oldest account first."""

    items: tuple[Author, ...]


async def page(asked: Asked, everyone: Sequence[UserId], *, hides: bool = True) -> People:
    """A page of `everyone`, who are in the order of their ids; who is hidden leaves no gap."""

    async def look(edge: str | None, count: int) -> tuple[list[UserId], str | None]:
        found = _beyond(everyone, edge, count, is_back=asked.is_back)
        hidden = await _hidden(asked, found) if hides else frozenset()
        return [user for user in found if user not in hidden], found[-1] if len(found) == count else None

    leaf = await paging.turn(asked, look, str, ascends=True)
    profiles = await asked.room.projections.relations.profiles(leaf.shown)
    found = tuple(author(user, profiles[user]) for user in leaf.shown)
    return People(items=found, next_cursor=leaf.next_cursor, prev_cursor=leaf.prev_cursor)


async def _hidden(asked: Asked, people: Sequence[UserId]) -> frozenset[UserId]:
    """Whom the reader does not see, for a block, or nobody does."""
    blocked, unseen = await gather(
        asked.room.projections.relations.hidden(asked.reader, people),
        asked.room.projections.relations.unseen(people),
    )
    return blocked | unseen


def _beyond(everyone: Sequence[UserId], edge: str | None, count: int, *, is_back: bool) -> list[UserId]:
    """The next of them after an id, or the nearest before it, in the order of the walk."""
    if is_back:
        return [user for user in reversed(everyone) if edge is None or int(user) < int(edge)][:count]
    return [user for user in everyone if edge is None or int(user) > int(edge)][:count]


async def requests(asked: Asked) -> People:
    """Who asks to follow you."""
    return await page(asked, await asked.room.projections.relations.asking(asked.reader))


async def blocks(asked: Asked) -> People:
    """Whom you block: nowhere else are they to be seen."""
    return await page(asked, await asked.room.projections.relations.people(view.blocks(asked.reader)), hides=False)


async def mutes(asked: Asked) -> People:
    """Whom you mute."""
    return await page(asked, await asked.room.projections.relations.people(view.mutes(asked.reader)))


ROUTES = tuple(
    Route(path=path, answer=answer, gives=People, policy="signed_in", behind=("views",), parameters=PAGED)
    for path, answer in (("/v1/follow-requests", requests), ("/v1/blocks", blocks), ("/v1/mutes", mutes))
)
