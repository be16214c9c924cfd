"""The newest candidates of a home feed: from the reader's own lists where those are complete, else from outboxes.

No list is trusted to be there. A feed says from which id on it is complete; what lies below, and a feed that is lost,
cold or being built, is answered from the outboxes of everybody whom the reader follows, which are the same photos. An
outbox that was trimmed says so likewise; below that, the grid of its author is asked, which is whole.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from api import visit
from api.wire import Ask, Command
from schemas import projections as view
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

    def in_grid(self, author: UserId, below: int) -> Command:
        """The places of those of one author below another id, too."""
        top = f"({_place(min(below, self.below))}"
        return ("ZREVRANGEBYLEX", view.user_photos(author), top, "-", "LIMIT", 0, self.count)


class Newer(msgspec.Struct, frozen=True):
    """Looks for the oldest `count` between two ids: what a walk back meets."""

    above: int
    below: int
    count: int

    def among(self, found: Found) -> list[PhotoId] | None:
        """Oldest first; None when these do not tell."""
        due = sorted(photo for photo in found.photos if self.above < photo < self.below)
        return [PhotoId(str(photo)) for photo in due[: self.count]] if found.floor <= self.above + 1 else None

    def in_grid(self, author: UserId, below: int) -> Command:
        """The places of those of one author below another id, too."""
        top = f"({_place(min(below, self.below))}"
        return ("ZRANGEBYLEX", view.user_photos(author), f"({_place(self.above)}", top, "LIMIT", 0, self.count)


Look = Older | Newer


async def find(ask: Ask, reader: UserId, look: Look, opened_at: datetime | None) -> list[PhotoId]:
    """At most `look.count` photos in the order of the look; fewer only when there are no more.

    `opened_at`: this is the first page, and the reader came now; `feeds` keeps the feeds of those who come.
    """
    if opened_at and (found := await _warm(ask, reader, HEAD, opened_at)) and (page := look.among(found)) is not None:
        _holds(found, look, opened_at)
        return page
    visit.holds_once()  # what follows is rare, and writes
    if (page := _among(look, await _warm(ask, reader, WHOLE))) is not None:
        return page
    authors = await _authors(ask, reader)
    for depth in (HEAD + look.count, WHOLE):
        outboxes = await _outboxes(ask, authors, depth)
        if (page := look.among(_together(outboxes, _floor(outboxes, depth)))) is not None:
            return page
    return await _beyond(ask, look, authors, outboxes)


def _holds(found: Found, look: Look, opened_at: datetime) -> None:
    """Until one more of these has come, and until it is to be told anew that the reader was here."""
    coming = [photo for photo in found.photos if photo >= look.below]
    if coming:
        visit.holds_until(second(PhotoId(str(min(coming)))))
    visit.holds_until(_begun(opened_at) + TOLD_EVERY)


def _begun(moment: datetime) -> datetime:
    return moment - (moment - EPOCH) % TOLD_EVERY


def _among(look: Look, found: Found | None) -> list[PhotoId] | None:
    return None if found is None else look.among(found)


async def _warm(ask: Ask, reader: UserId, depth: int, opened_at: datetime | None = None) -> Found | None:
    """What stands in the reader's lists, and in the outboxes of the few who are pulled; None when the feed is cold."""
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
    floor = view.complete_from(tail)
    if floor is None or not waiting or waiting[-1] != view.SENTINEL:
        return None
    if depth and len(waiting) == depth:  # newer ones may have come due as well
        return Found(frozenset(), NOWHERE)
    outboxes = await _outboxes(ask, {*authors, reader} if is_pulled else authors, depth)
    return _together([revealed, waiting, *outboxes], max(floor, _floor([revealed, *outboxes], depth)))


async def _authors(ask: Ask, reader: UserId) -> list[UserId]:
    """Everybody whose photos stand in the reader's feed, which is to be built."""
    followed, *_ = await ask(("SMEMBERS", view.following(reader)), ("SADD", view.cold(bucket(reader)), reader))
    return sorted({reader, *followed})  # one's own photos stand in one's own feed


async def _outboxes(ask: Ask, authors: Iterable[UserId], depth: int) -> list[list[str]]:
    return await ask(*(("LRANGE", view.outbox(author), 0, depth - 1) for author in authors))


async def _beyond(ask: Ask, look: Look, authors: Sequence[UserId], outboxes: Sequence[list[str]]) -> list[PhotoId]:
    """These outboxes, and below where some were trimmed the grids of their authors, which hold all they ever took."""
    floors = {author: _complete_from(entries, WHOLE) for author, entries in zip(authors, outboxes, strict=True)}
    grids = await ask(*(look.in_grid(author, floor) for author, floor in floors.items() if floor))
    return look.among(_together([*outboxes, *grids], 0)) or []


def _floor(lists: Iterable[list[str]], depth: int) -> int:
    """From where on all of these are complete; 0: all of them is here."""
    return max((_complete_from(entries, depth) for entries in lists), default=0)


def _complete_from(entries: Sequence[str], depth: int) -> int:
    """From where on a list is complete of which at most `depth` entries were read: it was trimmed, or goes on."""
    last = int(entries[-1]) if entries else 0
    goes_on = depth and len(entries) == depth
    return -last if last < 0 else last if goes_on else 0


def _together(lists: Iterable[list[str]], floor: int) -> Found:
    """The tails of lists are no photos."""
    return Found(frozenset(number for entries in lists for entry in entries if (number := int(entry)) > 0), floor)


def _place(id: int) -> str:
    return view.place(PhotoId(str(id)))
