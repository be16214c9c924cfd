"""What the views' hashes hold (keys: `schemas/projections.py`): text to text; absent fields are None."""

from datetime import datetime
from typing import TypeVar

import msgspec

from schemas.facts import Visibility
from schemas.ids import CommentId, RollId, UserId

LIKES, COMMENTS = "likes", "comments"  # fields of a card's hash: how many there are; absent before the first

Fields = dict[str, str]
T = TypeVar("T", bound=msgspec.Struct)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A user as others see them."""

    username: str
    tz: str
    registered_at: datetime
    display_name: str | None = None
    visibility: Visibility | None = None  # None: they never said, and are public
    suspended: str | None = None  # by a moderator, and why; empty once that ended
    erased_at: datetime | None = None  # by themselves, for good: then the names are empty

    @property
    def is_hidden(self) -> bool:
        """From everybody, whoever asks."""
        return bool(self.suspended) or self.erased_at is not None

    @property
    def is_private(self) -> bool:
        """Their photos are for who follows them, and who may follow is theirs to say."""
        return self.visibility == "private"


class Roll(msgspec.Struct, frozen=True, kw_only=True):
    """A shared roll of film."""

    owner: UserId
    name: str
    film: str
    develop: str
    tz: str
    visibility: Visibility
    opened_at: datetime
    renamed: str | None = None  # apart from `name`: a second copy of the opening must not bring the old one back
    closed_at: datetime | None = None

    @property
    def current_name(self) -> str:
        """What it is called now."""
        return self.renamed or self.name


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """What an invite's token opens, and until when."""

    roll: RollId
    expires_at: datetime
    created_at: datetime | None = None
    revoked_at: datetime | None = None


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """One rendition of a photo, in the bucket under `key`."""

    name: str
    key: str
    width_px: int
    height_px: int


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a photo. Captured, developed, spoiled, deleted: each writes fields of its own, in any order."""

    author: UserId | None = None
    roll: RollId | None = None
    visibility: Visibility | None = None
    reveal_at: datetime | None = None
    captured_at: datetime | None = None
    taken_at: datetime | None = None
    film: str | None = None
    caption: str | None = None
    developed_at: datetime | None = None
    placeholder: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    sizes: tuple[Size, ...] = ()
    spoiled: str | None = None
    deleted_at: datetime | None = None
    taken_down: str | None = None  # by a moderator, and why; empty once that was reversed


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a photo. Posted, replied to, deleted: each writes fields of its own, in any order."""

    author: UserId | None = None
    text: str | None = None
    posted_at: datetime | None = None
    reply_to: CommentId | None = None
    has_replies: bool | None = None  # None: nobody replied
    deleted_at: datetime | None = None


def fields(view: msgspec.Struct) -> Fields:
    """The view as hash fields: text as it is, everything else as JSON; None and empty members are left out."""
    return {name: text(value) for name, value in msgspec.structs.asdict(view).items() if value not in (None, ())}


def read(kind: type[T], found: Fields) -> T:
    """The view in hash fields that `fields` wrote; `msgspec.ValidationError` when they are not one."""
    known = {name: found[name] for name in kind.__struct_fields__ if name in found}
    return msgspec.convert({name: _value(name, text) for name, text in known.items()}, kind, strict=False)


def text(value: object) -> str:
    """One field's text."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode().strip('"')


def _value(name: str, found: str) -> object:
    return msgspec.json.decode(found) if name == "sizes" else found
