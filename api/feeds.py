"""GET /v1/feeds/home: what the people you follow have revealed, newest first."""

from api.candidates import Newer, Older
from api.hydration import PhotoPage, Seen, page
from api.routes import PAGED, Asked, Route
from schemas.ids import PhotoId, floor_at


async def home(asked: Asked) -> PhotoPage:
    """Your home feed: revealed photos of the people you follow, newest reveal first.

    The feed's list and its sealed entries whose time has come are merged at every read; both are only candidates.
    """
    unrevealed, feeds = floor_at(asked.now), asked.room.projections

    async def beyond(edge: PhotoId | None, count: int) -> list[PhotoId]:
        if edge and asked.is_back:
            return await feeds.candidates(asked.reader, Newer(int(edge), unrevealed, count), asked.now)
        top = unrevealed if edge is None else min(int(edge), unrevealed)
        return await feeds.candidates(asked.reader, Older(top, count), None if edge else asked.now)

    return await page(asked, beyond, lambda one: is_in_feed(asked, one))


def is_in_feed(asked: Asked, one: Seen) -> bool:
    """Whether it is out, and by whom the reader wants to see."""
    is_theirs = one.is_followed and not one.is_muted
    return one.sight == "revealed" and (is_theirs or one.author.id == asked.reader)


ROUTES = (
    Route(
        path="/v1/feeds/home",
        answer=home,
        gives=PhotoPage,
        policy="signed_in",
        behind=("views", "feeds"),
        parameters=PAGED,
        sheds=("counters",),
        is_kept=True,
    ),
)
