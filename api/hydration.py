"""Candidates become what the reader sees: two round trips, visibility decides about each photo, then their counts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from api import cards
from api.projections import Around
from api.routes import Asked, Page
from schemas.ids import PhotoId, floor_at
from schemas.problems import refusal
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


async def revealed(asked: Asked, photo: PhotoId) -> Seen:
    """The photo, if the reader may see more of it than a sealed card: then they may see what is said of it, too."""
    for one in await seen(asked, [photo]):
        if one.sight == "revealed":
            return one
    raise refusal("not_found", "there is no such photo")


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
    return PhotoPage(items=await items(asked, shown[: asked.limit]), next_cursor=asked.cursor(below))


async def count(asked: Asked, grid: Key) -> int:
    """How many of a grid's photos are revealed to the reader, up to `COUNTED`: no more than its pages would show."""
    floor = PhotoId(str(floor_at(asked.now)))
    photos = await asked.room.projections.places(grid, floor, COUNTED)
    return sum(one.sight == "revealed" for one in await seen(asked, photos))


async def items(asked: Asked, shown: Sequence[Seen]) -> tuple[cards.Photo, ...]:
    """The JSON of what is seen; only revealed photos have counts, and only their media is ever signed."""
    counted = [one.photo for one in shown if one.sight == "revealed"]
    tallies = await asked.room.projections.tallies(counted, asked.reader)
    return tuple(_photo(asked, one, tallies) for one in shown)


def _photo(asked: Asked, one: Seen, tallies: Mapping[PhotoId, cards.Tally]) -> cards.Photo:
    match one.sight:
        case "revealed":
            tally, link = tallies[one.photo], asked.room.objects.link
            return cards.revealed(one.photo, one.card, one.author, tally, lambda key: link(key, asked.now))
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
