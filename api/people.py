"""Lists of people, and those that are nobody else's: who asks to follow you, whom you block, whom you mute.

A set is read whole and ordered here: fine for thousands; a list of a million followers wants an order in the view.
"""

from collections.abc import Sequence

from api.cards import Author, author
from api.routes import PAGED, Asked, Page, Route
from schemas import projections as view
from schemas.ids import UserId

CHUNK = 200  # looked at for blocks at a time: hidden people are rare, so most pages need one look


class People(Page, frozen=True, kw_only=True):
    """People, oldest account first."""

    items: tuple[Author, ...]


async def page(asked: Asked, everyone: Sequence[UserId], *, hides: bool = True) -> People:
    """The next of `everyone`, who are in the order of their ids; whom a block hides leaves no gap."""
    later = [user for user in everyone if asked.position is None or int(user) > int(asked.position)]
    seen = list[UserId]()
    for at in range(0, len(later), CHUNK):
        chunk = later[at : at + CHUNK]
        hidden = await asked.room.projections.hidden(asked.reader, chunk) if hides else frozenset()
        seen += [user for user in chunk if user not in hidden]
        if len(seen) > asked.limit:
            break
    shown = seen[: asked.limit]
    profiles = await asked.room.projections.profiles(shown)
    last = shown[-1] if len(seen) > len(shown) else None
    return People(items=tuple(author(user, profiles[user]) for user in shown), next_cursor=asked.cursor(last))


async def requests(asked: Asked) -> People:
    """Who asks to follow you."""
    return await page(asked, await asked.room.projections.asking(asked.reader))


async def blocks(asked: Asked) -> People:
    """Whom you block: nowhere else are they to be seen."""
    return await page(asked, await asked.room.projections.people(view.blocks(asked.reader)), hides=False)


async def mutes(asked: Asked) -> People:
    """Whom you mute."""
    return await page(asked, await asked.room.projections.people(view.mutes(asked.reader)))


ROUTES = tuple(
    Route(path=path, answer=answer, gives=People, policy="signed_in", behind=("views",), parameters=PAGED)
    for path, answer in (("/v1/follow-requests", requests), ("/v1/blocks", blocks), ("/v1/mutes", mutes))
)
