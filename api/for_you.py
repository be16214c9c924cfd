"""GET /v1/feeds/for-you: the best of what stands newest in the reader's home feed.

It is ranked once, for the first page; every cursor carries the order, so whatever is liked, comes or goes during the
walk, each photo that is still to be seen is shown once, in that order. Under load a walk begins newest first instead,
and stays so.
"""

from base64 import b85decode, b85encode
from collections.abc import Mapping, Sequence
from dataclasses import replace

from api import feeds, hydration, paging
from api.candidates import Older
from api.hydration import PhotoPage, Seen
from api.load import Shed
from api.ranking import Candidate, ranked, weights
from api.routes import PAGED, Asked, Route
from schemas.ids import PhotoId, floor_at

RANKED = 100  # a cursor carries them: 8 bytes each
ID_BYTES = 8
CARRIES = ":"  # place in the order, variant, the order: none of them holds a colon


class ForYouPage(PhotoPage, frozen=True, kw_only=True):
    """Photos, best first. `variant` names the weights they were ranked by; null: not ranked, newest reveal first."""

    variant: str | None

    def degraded(self, shed: Sequence[Shed]) -> Sequence[Shed]:
        """A walk keeps the order in which it began, whatever the load is by now."""
        begun: tuple[Shed, ...] = ("ranking",) if self.variant is None else ()
        return (*begun, *(what for what in shed if what != "ranking"))


async def for_you(asked: Asked) -> ForYouPage:
    """The newest hundred photos of your home feed, best first; ask without a cursor for a new ranking.

    Which weights rank them is chosen for your session and stays the same as long as it lasts.
    """
    if asked.position is None and "ranking" not in asked.shed:
        return await _first(asked)
    if asked.position is not None and CARRIES in asked.position:
        index, variant, packed = asked.position.split(CARRIES)
        carries = replace(asked, position=index, carried=f":{variant}:{packed}")
        return await _page(carries, variant, _unpacked(packed), {})
    page = await feeds.home(asked)
    return ForYouPage(items=page.items, next_cursor=page.next_cursor, prev_cursor=page.prev_cursor, variant=None)


async def _first(asked: Asked) -> ForYouPage:
    newest = await asked.room.projections.candidates(asked.reader, Older(floor_at(asked.now), RANKED), asked.now)
    known = {one.photo: one for one in await hydration.seen(asked, newest) if feeds.is_in_feed(asked, one)}
    by = weights(asked.session)
    order = ranked(map(_candidate, known.values()), by, asked.now)
    return await _page(replace(asked, carried=f":{by.variant}:{_packed(order)}"), by.variant, order, known)


async def _page(asked: Asked, variant: str, order: Sequence[PhotoId], known: Mapping[PhotoId, Seen]) -> ForYouPage:
    """Of photos in this order; a position is a place in it. `known`: those that were just looked at."""
    place = {photo: str(at) for at, photo in enumerate(order)}

    async def look(edge: str | None, count: int) -> tuple[list[Seen], str | None]:
        photos = _beyond(order, edge, count, is_back=asked.is_back)
        found = [known[photo] for photo in photos] if known else await hydration.seen(asked, photos)
        shown = [one for one in found if feeds.is_in_feed(asked, one)]
        return shown, place[photos[-1]] if len(photos) == count else None

    leaf = await paging.turn(asked, look, lambda one: place[one.photo], ascends=True)
    items = hydration.items(asked, leaf.shown)
    return ForYouPage(items=items, next_cursor=leaf.next_cursor, prev_cursor=leaf.prev_cursor, variant=variant)


def _beyond(order: Sequence[PhotoId], edge: str | None, count: int, *, is_back: bool) -> Sequence[PhotoId]:
    if edge is None:
        return order[:count]
    if is_back:
        return order[: max(0, int(edge))][::-1][:count]
    return order[int(edge) + 1 :][:count]


def _candidate(one: Seen) -> Candidate:
    likes, comments = one.tally.likes or 0, one.tally.comments or 0
    you_like = bool(one.tally.you_like)
    return Candidate(photo=one.photo, author=one.author.id, likes=likes, comments=comments, you_like=you_like)


def _packed(order: Sequence[PhotoId]) -> str:
    return b85encode(b"".join(int(photo).to_bytes(ID_BYTES) for photo in order)).decode()


def _unpacked(packed: str) -> list[PhotoId]:
    """It was signed by us, so it is what `_packed` made."""
    ids = b85decode(packed)
    return [PhotoId(str(int.from_bytes(ids[at : at + ID_BYTES]))) for at in range(0, len(ids), ID_BYTES)]


ROUTES = (
    Route(
        path="/v1/feeds/for-you",
        answer=for_you,
        gives=ForYouPage,
        policy="signed_in",
        behind=("views", "feeds"),
        parameters=PAGED,
        sheds=("ranking", "counters"),
    ),
)
