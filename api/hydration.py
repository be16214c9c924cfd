"""Candidates become what the reader sees: two round trips for a page, then visibility decides about each photo."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from api import cards
from api.projections import Around
from api.routes import Asked, Page
from schemas.ids import PhotoId, floor_at
from schemas.projections import Card, Key
from schemas.visibility import Sight, sight

ROUNDS = 5  # a page full of hidden candidates ends short, with a cursor, instead of reading for ever
CHUNK = 50  # candidates per round at least: hidden ones are rare, so most pages need one round
COUNTED = 500  # a count reads cards, because spoiled or private ones must not be told by a number

# At most `count` candidates older than `below`, newest first.
Fetch = Callable[[PhotoId | None, int], Awaitable[list[PhotoId]]]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A photo that is not hidden from the reader."""

    photo: PhotoId
    card: Card
    sight: Sight
    author: cards.Author
    is_followed: bool
    is_muted: bool


Wanted = Callable[[Seen], bool]


class PhotoPage(Page, frozen=True, kw_only=True):
    """Photos, newest reveal first."""

    items: tuple[cards.Photo, ...]


async def seen(asked: Asked, photos: Sequence[PhotoId]) -> list[Seen]:
    """Those of `photos` that the reader may see now, in the same order."""
    found = await asked.room.projections.cards(photos)
    authors = [card.author for card in found.values() if card.author]
    rolls = [card.roll for card in found.values() if card.roll]
    around = await asked.room.projections.around(asked.reader, authors, rolls)
    judged = [_judged(asked, photo, found.get(photo), around) for photo in photos]
    return [one for one in judged if one is not None]


async def page(asked: Asked, fetch: Fetch, wanted: Wanted = lambda _: True) -> PhotoPage:
    """The next page of candidates that are visible and `wanted`; its cursor names the last one shown."""
    shown: list[Seen] = []
    below = PhotoId(asked.position) if asked.position else None
    chunk = max(asked.limit + 1, CHUNK)
    for _ in range(ROUNDS):
        photos = await fetch(below, chunk)
        shown += [one for one in await seen(asked, photos) if wanted(one)]
        below = photos[-1] if len(photos) == chunk else None
        if below is None or len(shown) > asked.limit:
            break
    if len(shown) > asked.limit:
        below = shown[asked.limit - 1].photo
    items = tuple(photo(asked, one) for one in shown[: asked.limit])
    return PhotoPage(items=items, next_cursor=asked.cursor(below))


async def count(asked: Asked, grid: Key) -> int:
    """How many of a grid's photos are revealed to the reader, up to `COUNTED`: no more than its pages would show."""
    floor = PhotoId(str(floor_at(asked.now)))
    photos = await asked.room.projections.places(grid, floor, COUNTED)
    return sum(one.sight == "revealed" for one in await seen(asked, photos))


def photo(asked: Asked, one: Seen) -> cards.Photo:
    """The JSON of what is seen; only a revealed photo's media is ever signed."""
    match one.sight:
        case "revealed":
            return cards.revealed(one.photo, one.card, one.author, lambda key: asked.room.objects.link(key, asked.now))
        case "spoiled":
            return cards.spoiled(one.photo, one.card)
        case _:
            return cards.sealed(one.photo, one.card)


def _judged(asked: Asked, photo: PhotoId, card: Card | None, around: Around) -> Seen | None:
    if card is None or card.author is None:
        return None
    admitted = around.admissions[card.roll] if card.roll else "public"
    what = sight(photo, card, asked.reader, asked.now, admitted, around.ties[card.author])
    if what == "hidden":
        return None
    author = cards.author(card.author, around.profiles.get(card.author))
    return Seen(
        photo=photo,
        card=card,
        sight=what,
        author=author,
        is_followed=card.author in around.followed,
        is_muted=card.author in around.muted,
    )
