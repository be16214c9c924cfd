"""GET /v1/moderation/reports, and what moderators alone see of a photo: it is taken down, or somebody reported it.

Nothing of this comes into any list: there a photo that is taken down is as gone for moderators as for everybody.
"""

from collections import Counter
from datetime import datetime

import msgspec

from api import cards
from api.cards import Author, Media
from api.routes import Asked, Route
from schemas.hashes import Card
from schemas.ids import PhotoId, RollId
from schemas.visibility import is_out

SHOWN = 100


class TakenDownPhoto(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="taken_down"):
    """A photo that nobody but moderators sees, and the reason's stable code; `suspended` is its author's."""

    id: PhotoId
    author: Author
    roll: RollId | None
    caption: str | None
    revealed_at: datetime
    width: int | None
    height: int | None
    placeholder: str | None
    media: Media
    taken_down: str


class ReportedPhoto(msgspec.Struct, frozen=True, kw_only=True):
    """A photo and how many people reported it, by reason, since a moderator last decided about it."""

    id: PhotoId
    reports: int
    reasons: dict[str, int]


class ReportedPhotos(msgspec.Struct, frozen=True, kw_only=True):
    """At most 100, most reported first; `open` counts all."""

    items: tuple[ReportedPhoto, ...]
    open: int


async def reports(asked: Asked) -> ReportedPhotos:
    """Photos that people reported and that no moderator has decided about. Who reported them is told nobody."""
    found = await asked.room.projections.reported()
    items = [ReportedPhoto(id=photo, reports=len(said), reasons=dict(Counter(said))) for photo, said in found.items()]
    items.sort(key=lambda one: (-one.reports, int(one.id)))
    return ReportedPhotos(items=tuple(items[:SHOWN]), open=len(items))


async def photo(asked: Asked, photo: PhotoId) -> cards.RevealedPhoto | TakenDownPhoto | None:
    """What a moderator has to judge, whatever its author or its roll lets others see; None for everybody else."""
    if asked.reader not in asked.room.moderators:
        return None
    found, around = await asked.room.projections.looked(asked.reader, [photo])
    card = found.get(photo)
    if card is None or card.author is None or card.deleted_at or card.spoiled or not is_out(photo, card, asked.now):
        return None
    if around.ties[card.author] in ("gone", "erased"):
        return None
    author = cards.author(card.author, around.profiles.get(card.author))
    if card.taken_down or around.ties[card.author] == "suspended":
        return _taken_down(asked, photo, card, author)
    if not await asked.room.projections.is_reported(photo):
        return None
    return cards.revealed(
        photo, card, author, around.tallies[photo], lambda key: asked.room.objects.link(key, asked.now)
    )


def _taken_down(asked: Asked, photo: PhotoId, card: Card, author: Author) -> TakenDownPhoto:
    tally = cards.Tally(likes=0, comments=0, you_like=False)
    whole = cards.revealed(photo, card, author, tally, lambda key: asked.room.objects.link(key, asked.now))
    kept = {name: getattr(whole, name) for name in TakenDownPhoto.__struct_fields__ if name != "taken_down"}
    return TakenDownPhoto(**kept, taken_down=card.taken_down or "suspended")


ROUTES = (
    Route(
        path="/v1/moderation/reports", answer=reports, gives=ReportedPhotos, policy="moderator", behind=("views",)
    ),
)  # fmt: skip
