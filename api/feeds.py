"""GET /v1/feeds/home: what the people you follow have revealed, newest first."""

from api.hydration import PhotoPage, Seen, page
from api.routes import PAGED, Asked, Route
from schemas.ids import PhotoId
from schemas.visibility import is_revealed


async def home(asked: Asked) -> PhotoPage:
    """Your home feed: revealed photos of the people you follow, newest reveal first.

    The feed's list and its sealed entries whose time has come are merged at every read; both are only candidates.
    """
    candidates = await asked.room.projections.candidates(asked.reader)
    due = sorted({int(photo) for photo in candidates if is_revealed(photo, asked.now)}, reverse=True)

    async def older(below: PhotoId | None, count: int) -> list[PhotoId]:
        top = int(below) if below else due[0] + 1 if due else 0
        return [PhotoId(str(photo)) for photo in due if photo < top][:count]

    def is_in_feed(one: Seen) -> bool:
        is_theirs = one.is_followed and not one.is_muted
        return one.sight == "revealed" and (is_theirs or one.author.id == asked.reader)

    return await page(asked, older, is_in_feed)


ROUTES = (
    Route(
        path="/v1/feeds/home",
        answer=home,
        gives=PhotoPage,
        policy="signed_in",
        behind=("views", "feeds"),
        parameters=PAGED,
    ),
)
