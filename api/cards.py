"""A card as JSON: what a reader gets of a photo they may see. Pure; media links come from a function that signs keys.

`state` tells the three shapes apart. A sealed or spoiled card has no media, caption or counts: only its author sees it.
Counts are of everybody, whoever of them the reader may see.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from schemas.hashes import Card, Profile
from schemas.ids import PhotoId, RollId, UserId, second

Link = Callable[[str], str]  # key in the bucket -> signed link


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who took it; the names are null until the profile's own view has come, and once they erased themselves."""

    id: UserId
    username: str | None
    display_name: str | None


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """Signed links, good for at most an hour."""

    large: str | None
    medium: str | None
    small: str | None


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many like a photo and how many comments it has, and whether the reader is among those who like it.

    Null when nobody counted: the answer says `degraded: ["counters"]`.
    """

    likes: int | None
    comments: int | None
    you_like: bool | None


UNCOUNTED = Tally(likes=None, comments=None, you_like=None)


class RevealedPhoto(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="revealed"):
    """A developed photo whose time has come. `width` and `height` are pixels, `placeholder` a blurhash.

    `likes`, `comments` and `you_like` are null in an answer that is `degraded` by `counters`: keep what you showed.
    """

    id: PhotoId
    author: Author
    roll: RollId | None
    caption: str | None
    revealed_at: datetime
    width: int | None
    height: int | None
    placeholder: str | None
    likes: int | None
    comments: int | None
    you_like: bool | None
    media: Media


class SealedPhoto(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="sealed"):
    """The author's own photo before its reveal."""

    id: PhotoId
    roll: RollId | None
    reveal_at: datetime
    sealed: Literal[True] = True


class SpoiledPhoto(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="spoiled"):
    """The author's own photo that could not be developed, and the reason's stable code."""

    id: PhotoId
    roll: RollId | None
    reveal_at: datetime
    spoiled: str


Photo = RevealedPhoto | SealedPhoto | SpoiledPhoto


def revealed(photo: PhotoId, card: Card, author: Author, tally: Tally, link: Link) -> RevealedPhoto:
    """The card with its counts and its pictures."""
    return RevealedPhoto(
        id=photo,
        author=author,
        roll=card.roll,
        caption=card.caption,
        revealed_at=_reveal(photo, card),
        width=card.width_px,
        height=card.height_px,
        placeholder=card.placeholder,
        likes=tally.likes,
        comments=tally.comments,
        you_like=tally.you_like,
        media=_media(card, link),
    )


def sealed(photo: PhotoId, card: Card) -> SealedPhoto:
    """The card as its author sees it until the reveal."""
    return SealedPhoto(id=photo, roll=card.roll, reveal_at=_reveal(photo, card))


def spoiled(photo: PhotoId, card: Card) -> SpoiledPhoto:
    """The card of a photo that failed."""
    return SpoiledPhoto(id=photo, roll=card.roll, reveal_at=_reveal(photo, card), spoiled=card.spoiled or "unknown")


def author(user: UserId, profile: Profile | None) -> Author:
    """A person as they stand beside their photo."""
    if profile is None or profile.erased_at is not None:
        return Author(id=user, username=None, display_name=None)
    return Author(id=user, username=profile.username, display_name=profile.display_name)


def _reveal(photo: PhotoId, card: Card) -> datetime:
    return card.reveal_at or second(photo)


def _media(card: Card, link: Link) -> Media:
    links = {size.name: link(size.key) for size in card.sizes}
    return Media(large=links.get("large"), medium=links.get("medium"), small=links.get("small"))
