"""The newest candidates of a home feed: from the reader's own lists where those are complete, else from outboxes.

No list is trusted to be there. A feed says from which id on it is complete; what lies below, and a feed that is lost,
cold or being built, is answered from what everybody whom the reader follows published: first pages from the heads of
their outboxes, all others from their grids.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from api import visit
from api.wire import Ask, Command
from schemas import projections as view
from schemas import tails
from schemas.ids import EPOCH, PhotoId, UserId, bucket, second

HEAD = 64  # entries of each list that most first pages need
WHOLE = 0
TOLD_EVERY = timedelta(minutes=10)  # that a reader was here; feeds are kept for days
NOWHERE = 1 << 63  # above all ids


class Found(msgspec.Struct, frozen=True):
    """Some photos, all there are from `floor` on; revealed or not."""

    photos: frozenset[int]
    floor: int


class Older(msgspec.Struct, frozen=True):
    """Looks for the newest `count` below an id."""

    below: int
    count: int

    def among(self, found: Found) -> list[PhotoId] | None:
        """Newest first; None when these do not tell."""
        due = sorted((photo for photo in found.photos if found.floor <= photo < self.below), reverse=True)
        is_told = len(due) >= self.count or found.floor == 0
        return [PhotoId(str(photo)) for photo in due[: self.count]] if is_told else None

    def in_grid(self, author: UserId) -> Command:
        """The places of what one author took there, at most as many."""
        return ("ZREVRANGEBYLEX", view.user_photos(author), f"({_place(self.below)}", "-", "LIMIT", 0, self.count)


class Newer(msgspec.Struct, frozen=True):
    """Looks for the oldest `count` between two ids: what a walk back meets."""

    above: int
    below: int
    count: int

    def among(self, found: Found) -> list[PhotoId] | None:
        """Oldest first; None when these do not tell."""
        due = sorted(photo for photo in found.photos if self.above < photo < self.below)
        return [PhotoId(str(photo)) for photo in due[: self.count]] if found.floor <= self.above + 1 else None

    def in_grid(self, author: UserId) -> Command:
        """The places of what one author took there, at most as many."""
        low, high = f"({_place(self.above)}", f"({_place(self.below)}"
        return ("ZRANGEBYLEX", view.user_photos(author), low, high, "LIMIT", 0, self.count)


Look = Older | Newer


async def find(ask: Ask, reader: UserId, look: Look, opened_at: datetime | None) -> list[PhotoId]:
    """At most `look.count` photos in the order of the look; fewer only when there are no more.

    `opened_at`: this is the first page, and the reader came now; `feeds` keeps the feeds of those who come.
    """
    if (
        opened_at
        and (found := await _warm(ask, reader, look, HEAD, opened_at))
        and (page := look.among(found)) is not None
    ):
        _holds(found, look, opened_at)
        return page
    visit.holds_once()  # what follows is rare, and writes
    if (found := await _warm(ask, reader, look, WHOLE)) and (page := look.among(found)) is not None:
        return page
    authors = await _authors(ask, reader)
    if (page := look.among(await _published(ask, authors, look, HEAD + look.count))) is not None:
        return page
    return look.among(await _published(ask, authors, look, WHOLE)) or []


def _holds(found: Found, look: Look, opened_at: datetime) -> None:
    """Until one more of these has come, and until it is to be told anew that the reader was here."""
    coming = [photo for photo in found.photos if photo >= look.below]
    if coming:
        visit.holds_until(second(PhotoId(str(min(coming)))))
    visit.holds_until(_begun(opened_at) + TOLD_EVERY)


def _begun(moment: datetime) -> datetime:
    return moment - (moment - EPOCH) % TOLD_EVERY


async def _warm(ask: Ask, reader: UserId, look: Look, depth: int, opened_at: datetime | None = None) -> Found | None:
    """What stands in the reader's lists, and what the few published who are pulled; None when the feed is cold."""
    feed, sealed, home = view.feed(reader), view.sealed(reader), bucket(reader)
    opened = [("ZADD", view.opened(home), int(_begun(opened_at).timestamp()), reader)] if opened_at else []
    revealed, tail, waiting, authors, is_pulled, *_ = await ask(
        ("LRANGE", feed, 0, depth - 1),
        ("LINDEX", feed, -1),
        ("LRANGE", sealed, -depth, -1),  # newest first: those that came due stand last
        ("SINTER", view.following(reader), view.pulled(home)),
        ("SISMEMBER", view.pulled(home), reader),  # nobody follows themselves in that view
        *opened,
    )
    floor = tails.floor(tail)
    if floor is None or not waiting or waiting[-1] != tails.SENTINEL:
        return None
    if depth and len(waiting) == depth:  # newer ones may have come due as well
        return Found(frozenset(), NOWHERE)
    pulled = await _published(ask, [*authors, reader] if is_pulled else authors, look, depth)
    own = _together([revealed, waiting], max(floor, _floor([revealed], depth)))
    return Found(own.photos | pulled.photos, max(own.floor, pulled.floor))


async def _authors(ask: Ask, reader: UserId) -> list[UserId]:
    """Everybody whose photos stand in the reader's feed, which is to be built."""
    followed, *_ = await ask(("SMEMBERS", view.following(reader)), ("SADD", view.cold(bucket(reader)), reader))
    return sorted({reader, *followed})  # one's own photos stand in one's own feed


async def _published(ask: Ask, authors: Iterable[UserId], look: Look, depth: int) -> Found:
    """What these people published: the heads of their outboxes or, to any depth, what their grids hold there.

    A grid has the photos that are not developed, too, or spoiled; but it is whole, and is asked for no more than the
    look needs, however much somebody took.
    """
    if depth == WHOLE:
        return _together(await ask(*map(look.in_grid, authors)), 0)
    outboxes = await ask(*(("LRANGE", view.outbox(author), 0, depth - 1) for author in authors))
    return _together(outboxes, _floor(outboxes, depth))


def _floor(lists: Iterable[list[str]], depth: int) -> int:
    """From where on all of these are complete; 0: all of them is here."""
    return max((_floor_of(entries, depth) for entries in lists), default=0)


def _floor_of(entries: Sequence[str], depth: int) -> int:
    """Of a list of which at most `depth` entries were read: it was trimmed, or goes on."""
    photos, floor = tails.trimmed(entries)
    goes_on = depth and len(photos) == depth
    return int(photos[-1]) if goes_on else floor


def _together(lists: Iterable[list[str]], floor: int) -> Found:
    """The tails of lists are no photos."""
    return Found(frozenset(number for entries in lists for entry in entries if (number := int(entry)) > 0), floor)


def _place(id: int) -> str:
    return view.place(PhotoId(str(id)))
