"""A page of a list, walked in either direction: what the reader sees beyond an edge, and the cursors of its neighbours.

An edge is the id of an item, not a count, so whatever comes or goes meanwhile moves nothing. The page before the first
holds what has appeared since; walking on backwards ends when `prev_cursor` comes back as it was sent.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from api.routes import Asked

ROUNDS = 6  # beyond some 1,500 hidden candidates a page ends short, with a cursor, instead of reading for ever
SPARE = 4  # candidates beyond the page: hidden ones are rare, so most pages need one round
CHUNK = 50  # candidates of the second round at least; each further one has twice as many

T = TypeVar("T")

# (those of at most so many candidates beyond an edge that are to be shown, the last candidate if there may be more);
# both in the order of the walk, so that a walk back begins with the nearest
Look = Callable[[str | None, int], Awaitable[tuple[Sequence[T], str | None]]]


class Leaf(msgspec.Struct, Generic[T], frozen=True):
    """What a page shows, in the list's own order, and where its neighbours begin."""

    shown: Sequence[T]
    next_cursor: str | None
    prev_cursor: str | None


async def turn(asked: Asked, look: Look[T], name: Callable[[T], str], *, ascends: bool = False) -> Leaf[T]:
    """The page that the cursor asks for. `name` gives an item's id; a list is in the order of ids, `ascends` or not."""
    shown = list[T]()
    edge = asked.position
    for round in range(ROUNDS):
        some, edge = await look(edge, _width(asked.limit, round))
        shown += some
        if edge is None or len(shown) > asked.limit:
            break
    if len(shown) > asked.limit:
        shown = shown[: asked.limit]
        edge = name(shown[-1])
    ends = (name(shown[0]), name(shown[-1])) if shown else None
    forth, back = _neighbours(asked, ends, edge, 1 if ascends else -1)
    return Leaf(shown[::-1] if asked.is_back else shown, asked.cursor(forth), asked.cursor(back, is_back=True))


def _width(limit: int, round: int) -> int:
    """How many candidates are looked at; whoever hides more than a few mostly hides hundreds: one muted friend does.

    A page that ends short ends where the look did, which depends on where candidates came from: it had better not.
    """
    return limit + SPARE if round == 0 else max(limit + 1, CHUNK) << (round - 1)


def _neighbours(
    asked: Asked, ends: tuple[str, str] | None, edge: str | None, step: int
) -> tuple[str | None, str | None]:
    """Beyond which ids the next and the previous page begin; None: there is no such page.

    `ends`: the first and last item in the order of the walk; `step`: from an id towards the next page's. A page that
    shows nothing has neighbours that show what stands at its own edge.
    """
    here = asked.position
    if asked.is_back:
        return ends[0] if ends else _moved(here, -step), edge or (ends[1] if ends else here)
    return edge, ends[0] if ends else _moved(here, step)


def _moved(edge: str | None, step: int) -> str | None:
    return None if edge is None else str(int(edge) + step)
