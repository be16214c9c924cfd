"""Candidates become what the reader sees: in one round trip, since cards that were read lately say whose they are.

Visibility decides about each photo. Of what a photo looks like as JSON all but author and counts is always the same
until its links change, and is kept in pieces with its card.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

import msgspec

from api import cards, paging, visit
from api.hot import Judged, Pieces, Ready
from api.routes import Asked, Page
from api.standing import Around
from schemas.hashes import Card
from schemas.ids import PhotoId, UserId, floor_at
from schemas.problems import refusal
from schemas.projections import Key
from schemas.visibility import Admission, Sight, Tie, sight

WHOLES = 4  # of a photo: likes come and go, and some of its readers like it
COUNTED = 500  # a count reads cards, because spoiled or private ones must not be told by a number

# At most `count` candidates older than an id, newest first; for a walk back newer than it, oldest first.
Fetch = Callable[[PhotoId | None, int], Awaitable[list[PhotoId]]]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A photo that is not hidden from the reader."""

    photo: PhotoId
    card: Card
    sight: Sight
    author: cards.Author
    byline: bytes  # the author as JSON
    is_followed: bool
    is_muted: bool
    tally: cards.Tally


Wanted = Callable[[Seen], bool]


class PhotoPage(Page, frozen=True, kw_only=True):
    """Photos, newest reveal first."""

    items: tuple[cards.Photo, ...]


async def seen(asked: Asked, photos: Sequence[PhotoId]) -> list[Seen]:
    """Those of `photos` that the reader may see now, in the same order."""
    is_counted = "counters" not in asked.shed
    found, around = await asked.room.projections.looked(asked.reader, photos, is_counted=is_counted)
    floor = floor_at(asked.now)
    judged = [_judged(asked, photo, found.get(photo), around, floor) for photo in photos]
    return [one for one in judged if one is not None]


async def revealed(asked: Asked, photo: PhotoId) -> Seen:
    """The photo, if the reader may see more of it than a sealed card: then they may see what is said of it, too."""
    for one in await seen(asked, [photo]):
        if one.sight == "revealed":
            return one
    raise refusal("not_found", "there is no such photo")


async def page(asked: Asked, fetch: Fetch, wanted: Wanted = lambda _: True) -> PhotoPage:
    """The page of candidates that are visible and `wanted`; its cursors name the first and the last one shown."""

    async def look(edge: str | None, count: int) -> tuple[list[Seen], str | None]:
        photos = await fetch(PhotoId(edge) if edge else None, count)
        shown = [one for one in await seen(asked, photos) if wanted(one)]
        return shown, photos[-1] if len(photos) == count else None

    leaf = await paging.turn(asked, look, lambda one: one.photo)
    found = items(asked, leaf.shown)
    return PhotoPage(items=found, next_cursor=leaf.next_cursor, prev_cursor=leaf.prev_cursor)


async def count(asked: Asked, grid: Key) -> int | None:
    """How many of a grid's photos are revealed to the reader, up to `COUNTED`: no more than its pages would show.

    None when counters are shed: it is the dearest of them.
    """
    if "counters" in asked.shed:
        return None
    floor = PhotoId(str(floor_at(asked.now)))
    photos = await asked.room.projections.places(grid, floor, COUNTED)
    return sum(one.sight == "revealed" for one in await seen(asked, photos))


def items(asked: Asked, shown: Sequence[Seen]) -> tuple[cards.Photo, ...]:
    """The JSON of what is seen; only revealed photos have counts, and only their media is ever signed."""
    window = asked.room.objects.window_of(asked.now)
    visit.holds_until(window + asked.room.objects.window)
    return tuple([_photo(asked, one, window) for one in shown])


def _photo(asked: Asked, one: Seen, window: datetime) -> cards.Photo:
    match one.sight:
        case "revealed":
            return cast(cards.Photo, _whole(_pieces(asked, one, window), one))
        case "spoiled":
            return cards.spoiled(one.photo, one.card)
        case _:
            return cards.sealed(one.photo, one.card)


def _whole(kept: Pieces, one: Seen) -> Ready:
    """With this author and these counts; joined before, as a rule."""
    tally = one.tally
    looks = (one.byline, tally.likes, tally.comments, tally.you_like)
    found = kept.wholes.get(looks)
    if found is None:
        if len(kept.wholes) >= WHOLES:
            kept.wholes.clear()
        found = kept.wholes[looks] = Ready(_joined(kept.pieces, one))
    return found


def _joined(pieces: Sequence[bytes], one: Seen) -> bytes:
    """In the order in which `cards.RevealedPhoto` has them."""
    start, roll, likes, comments, end = pieces
    tally = one.tally
    if tally.likes is None or tally.comments is None:
        return b"".join((start, one.byline, roll, b"null", likes, b"null", comments, b"null", end))
    liked = b"true" if tally.you_like else b"false"
    return b"".join((start, one.byline, roll, b"%d" % tally.likes, likes, b"%d" % tally.comments, comments, liked, end))


def _pieces(asked: Asked, one: Seen, window: datetime) -> Pieces:
    """What stands between author, likes, comments and whether the reader likes it."""
    objects, kept = asked.room.objects, asked.room.projections.hot.pieces
    found = kept.get(one.photo)
    if found and found.card is one.card and found.signer is objects and found.window == window:
        return found
    hole: Any = msgspec.Raw(b"\0")  # no JSON holds this byte
    tally = cards.Tally(likes=hole, comments=hole, you_like=hole)
    whole = cards.revealed(one.photo, one.card, hole, tally, lambda key: objects.link(key, asked.now))
    found = Pieces(one.card, objects, window, msgspec.json.encode(whole).split(b"\0"), {})
    if asked.room.projections.hot.has(one.photo):
        kept[one.photo] = found
    return found


@lru_cache(maxsize=20_000)
def _author(user: UserId, username: str | None, display_name: str | None) -> tuple[cards.Author, bytes]:
    """A person as they stand beside their photo, and that as JSON."""
    author = cards.Author(id=user, username=username, display_name=display_name)
    return author, msgspec.json.encode(author)


def _judged(asked: Asked, photo: PhotoId, card: Card | None, around: Around, floor: int) -> Seen | None:
    if card is None or card.author is None:
        return None
    user = card.author
    admitted = around.admissions[card.roll] if card.roll else "public"
    what = _sight(asked, photo, card, admitted, around.ties[user], floor)
    if what == "hidden":
        return None
    profile = around.profiles.get(user)
    author, byline = _author(user, profile.username, profile.display_name) if profile else _author(user, None, None)
    return Seen(
        photo=photo,
        card=card,
        sight=what,
        author=author,
        byline=byline,
        is_followed=user in around.followed,
        is_muted=user in around.muted,
        tally=around.tallies[photo],
    )


def _sight(asked: Asked, photo: PhotoId, card: Card, admitted: Admission, tied: Tie, floor: int) -> Sight:
    """As `visibility` judges; all who did not take it and stand alike to it see the same within a second."""
    if card.author == asked.reader:
        return sight(photo, card, asked.reader, asked.now, admitted, tied)
    judged, stand = asked.room.projections.hot.judged, (floor, admitted, tied)
    known = judged.get(photo)
    if known is not None and known.card is card and known.stand == stand:
        return known.sight
    what = sight(photo, card, asked.reader, asked.now, admitted, tied)
    if asked.room.projections.hot.has(photo):
        judged[photo] = Judged(card, stand, what)
    return what
