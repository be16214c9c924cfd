"""The newest candidates of a home feed: from the reader's own lists where those are complete, else from outboxes.

No list is trusted to be there. A feed says from which id on it is complete; what lies below, and a feed that is lost,
cold or being built, is answered from the outboxes of everybody whom the reader follows, which are the same photos.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

import msgspec

from api.wire import Ask
from schemas import projections as view
from schemas.ids import PhotoId, UserId, bucket

HEAD = 64  # entries of each list that most first pages need
WHOLE = 0
NOWHERE = 1 << 63  # above all ids


class Found(msgspec.Struct, frozen=True):
    """Some photos, all there are from `floor` on; revealed or not."""

    photos: frozenset[int]
    floor: int

    def page(self, below: int, count: int) -> list[PhotoId] | None:
        """The newest `count` below that id; None when this does not tell."""
        due = sorted((photo for photo in self.photos if self.floor <= photo < below), reverse=True)
        return [PhotoId(str(photo)) for photo in due[:count]] if len(due) >= count or self.floor == 0 else None

    def above(self, above: int, below: int, count: int) -> list[PhotoId] | None:
        """The oldest `count` between two ids, oldest first; None when this does not tell."""
        due = sorted(photo for photo in self.photos if above < photo < below)
        return [PhotoId(str(photo)) for photo in due[:count]] if self.floor <= above + 1 else None


async def newest(ask: Ask, reader: UserId, below: int, count: int, opened_at: datetime | None) -> list[PhotoId]:
    """At most `count` photos with ids below `below`, newest first; fewer only when there are no more.

    `opened_at`: this is the first page, and the reader came now; `feeds` keeps the feeds of those who come.
    """
    return await _told(ask, reader, HEAD + count, opened_at, lambda found: found.page(below, count))


async def newer(
    ask: Ask, reader: UserId, above: int, below: int, count: int, opened_at: datetime | None
) -> list[PhotoId]:
    """At most `count` photos between two ids, oldest first: what a walk back meets. A first look is a short one."""
    return await _told(ask, reader, HEAD + count, opened_at, lambda found: found.above(above, below, count))


async def _told(
    ask: Ask, reader: UserId, depth: int, opened_at: datetime | None, tell: Callable[[Found], list[PhotoId] | None]
) -> list[PhotoId]:
    """What the first of these tells that is complete where `tell` looks; the last of them is everywhere."""
    if opened_at and (page := await _of(_warm(ask, reader, HEAD, opened_at), tell)) is not None:
        return page
    if (page := await _of(_warm(ask, reader, WHOLE), tell)) is not None:
        return page
    if (page := await _of(_cold(ask, reader, depth), tell)) is not None:
        return page
    return tell(await _cold(ask, reader, WHOLE)) or []


async def _of(asking: Awaitable[Found | None], tell: Callable[[Found], list[PhotoId] | None]) -> list[PhotoId] | None:
    found = await asking
    return None if found is None else tell(found)


async def _warm(ask: Ask, reader: UserId, depth: int, opened_at: datetime | None = None) -> Found | None:
    """What stands in the reader's lists, and in the outboxes of the few who are pulled; None when the feed is cold."""
    feed, sealed, home = view.feed(reader), view.sealed(reader), bucket(reader)
    opened = [("ZADD", view.opened(home), int(opened_at.timestamp()), reader)] if opened_at else []
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
    pulled = {*authors, reader} if is_pulled else authors
    found = [revealed, waiting, *await _outboxes(ask, pulled, depth)]
    windows = [revealed] if depth and len(revealed) == depth else []
    return _together(found, max(floor, _floor([*windows, *found[2:]], depth)))


async def _cold(ask: Ask, reader: UserId, depth: int) -> Found:
    """The outboxes of everybody whom the reader follows; and the feed is to be built."""
    followed, *_ = await ask(("SMEMBERS", view.following(reader)), ("SADD", view.cold(bucket(reader)), reader))
    found = await _outboxes(ask, {reader, *followed}, depth)  # one's own photos stand in one's own feed
    return _together(found, _floor(found, depth))


async def _outboxes(ask: Ask, authors: Iterable[UserId], depth: int) -> list[list[str]]:
    return await ask(*(("LRANGE", view.outbox(author), 0, depth - 1) for author in authors))


def _floor(lists: Iterable[list[str]], depth: int) -> int:
    """From where on lists are complete of which at most `depth` entries were read; `WHOLE`: all."""
    return max((int(entries[-1]) for entries in lists if depth and len(entries) == depth), default=0)


def _together(lists: Iterable[list[str]], floor: int) -> Found:
    """The tails of feeds are no photos."""
    return Found(frozenset(number for entries in lists for entry in entries if (number := int(entry)) > 0), floor)
