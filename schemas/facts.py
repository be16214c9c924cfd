"""Facts: what the product accepted. A closed list, past tense, validated: the system of record.

One Kafka record of `facts.v1` is one fact: JSON, tagged by `type`, unknown members ignored, ids as decimal strings.
Every fact has `id` (same id = same fact, however often it stands in the log), `at` (when we accepted it) and `by` (who
did it). Personal free text sits in the one member `personal`, so that it can be sealed with the person's key without
touching any rule. Each type has an example in `schemas/examples/`.
"""

from datetime import datetime
from typing import Literal

import msgspec

from schemas.ids import AnyId, CommentId, FactId, PhotoId, RollId, UploadId, UserId

Visibility = Literal["public", "private"]


class _Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    id: FactId
    at: datetime
    by: UserId


class AccountText(msgspec.Struct, frozen=True, kw_only=True):
    """What a person calls themselves."""

    username: str
    display_name: str | None = None
    email: str | None = None


class UserRegistered(_Fact, frozen=True, kw_only=True):
    """`by` is the new user; their password went to `credentials.v1` before this fact was appended."""

    tz: str
    personal: AccountText


class UserFollowed(_Fact, frozen=True, kw_only=True):
    """`by` follows `whom` from now on."""

    whom: UserId


class UserUnfollowed(_Fact, frozen=True, kw_only=True):
    """`by` no longer follows `whom`."""

    whom: UserId


class FollowRequested(_Fact, frozen=True, kw_only=True):
    """`by` asks to follow `whom`, whose account is private."""

    whom: UserId


class FollowAccepted(_Fact, frozen=True, kw_only=True):
    """`by` was asked; `whom`, who asked, follows them from now on."""

    whom: UserId


class FollowDeclined(_Fact, frozen=True, kw_only=True):
    """`by` was asked and does not want `whom` to follow them."""

    whom: UserId


class FollowerRemoved(_Fact, frozen=True, kw_only=True):
    """`whom` no longer follows `by`, nor asks to: `by` wants it so."""

    whom: UserId


class UserBlocked(_Fact, frozen=True, kw_only=True):
    """`by` and `whom` see nothing of each other. That neither follows the other any more is said by facts beside it."""

    whom: UserId


class UserUnblocked(_Fact, frozen=True, kw_only=True):
    """`by` no longer blocks `whom`; what the block ended does not come back."""

    whom: UserId


class UserMuted(_Fact, frozen=True, kw_only=True):
    """Photos of `whom` stay out of the feed of `by`, and nobody else is told."""

    whom: UserId


class UserUnmuted(_Fact, frozen=True, kw_only=True):
    """Photos of `whom` are in the feed of `by` again."""

    whom: UserId


class PreferencesChanged(_Fact, frozen=True, kw_only=True):
    """From now on `by` wants it so. Who has a private account is followed by whom they accept."""

    visibility: Visibility


class RollText(msgspec.Struct, frozen=True, kw_only=True):
    """What people call a roll."""

    name: str


class RollOpened(_Fact, frozen=True, kw_only=True):
    """`by` owns the roll and is its first member.

    `develop` says when photos taken into it are revealed: at a local time in `tz` ("09:00"), or each time so long has
    passed since the roll was opened ("10s").
    """

    roll: RollId
    film: str
    develop: str
    tz: str
    visibility: Visibility
    personal: RollText


class RollRenamed(_Fact, frozen=True, kw_only=True):
    """The roll has another name."""

    roll: RollId
    personal: RollText


class RollClosed(_Fact, frozen=True, kw_only=True):
    """Nobody joins the roll and nothing is taken into it any more; what was taken is revealed as it was to be."""

    roll: RollId


class RollInviteCreated(_Fact, frozen=True, kw_only=True):
    """Whoever knows the token may join until `expires_at`; only the token's SHA-256 (hex) is kept."""

    roll: RollId
    token_sha256: str
    expires_at: datetime


class RollInviteRevoked(_Fact, frozen=True, kw_only=True):
    """The token with this SHA-256 (hex) opens nothing any more."""

    roll: RollId
    token_sha256: str


class RollJoined(_Fact, frozen=True, kw_only=True):
    """`by` is a member of the roll from now on."""

    roll: RollId


class RollLeft(_Fact, frozen=True, kw_only=True):
    """`by` is no longer a member of the roll; their photos stay in it."""

    roll: RollId


class RollMemberRemoved(_Fact, frozen=True, kw_only=True):
    """`whom` is no longer a member: `by`, who owns the roll, wants it so. Older invites do not let them in again."""

    roll: RollId
    whom: UserId


class PhotoText(msgspec.Struct, frozen=True, kw_only=True):
    """What the author wrote under a photo."""

    caption: str | None = None


class PhotoCaptured(_Fact, frozen=True, kw_only=True):
    """An original lies in the bucket as `original` with this `etag`; it will be revealed at `reveal_at`.

    The reveal never moves once it stands here. `secret` (128 random bits, hex) makes the renditions' keys unguessable.
    """

    photo: PhotoId
    upload: UploadId
    original: str
    etag: str
    secret: str
    reveal_at: datetime
    film: str
    roll: RollId | None = None
    taken_at: datetime | None = None
    visibility: Visibility = "public"
    personal: PhotoText = PhotoText()


class RenditionFact(msgspec.Struct, frozen=True, kw_only=True):
    """One size of a developed photo, and where it lies in the bucket."""

    name: str
    key: str
    width_px: int
    height_px: int
    bytes: int


class PhotoDeveloped(_Fact, frozen=True, kw_only=True):
    """The film did its work; `by` is the author. Fan-out starts here, sealed until the reveal in the photo's id."""

    photo: PhotoId
    width_px: int
    height_px: int
    placeholder: str
    renditions: tuple[RenditionFact, ...]
    roll: RollId | None = None
    visibility: Visibility = "public"


class PhotoSpoiled(_Fact, frozen=True, kw_only=True):
    """The original could not be developed, for a stable `reason`; the photo is never revealed to anyone else."""

    photo: PhotoId
    reason: str


class PhotoDeleted(_Fact, frozen=True, kw_only=True):
    """The author took the photo back; wins over whatever is processed later."""

    photo: PhotoId
    roll: RollId | None = None


class PhotoLiked(_Fact, frozen=True, kw_only=True):
    """`by` likes the photo from now on."""

    photo: PhotoId


class PhotoUnliked(_Fact, frozen=True, kw_only=True):
    """`by` no longer likes the photo."""

    photo: PhotoId


class CommentText(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says of a photo."""

    text: str


class CommentPosted(_Fact, frozen=True, kw_only=True):
    """`by` says something of the photo, perhaps in reply to another comment of the same photo."""

    photo: PhotoId
    comment: CommentId
    reply_to: CommentId | None = None
    personal: CommentText


class CommentDeleted(_Fact, frozen=True, kw_only=True):
    """The comment is gone for good: `by`, who wrote it or took the photo, wants it so. Replies to it stay."""

    photo: PhotoId
    comment: CommentId


PhotoFact = PhotoCaptured | PhotoDeveloped | PhotoSpoiled | PhotoDeleted
ReactionFact = PhotoLiked | PhotoUnliked | CommentPosted | CommentDeleted  # said of a photo by who sees it
RollFact = (
    RollOpened
    | RollRenamed
    | RollClosed
    | RollInviteCreated
    | RollInviteRevoked
    | RollJoined
    | RollLeft
    | RollMemberRemoved
)
FollowedFact = FollowAccepted | FollowDeclined | FollowerRemoved  # said by whoever is followed
PersonFact = (
    UserRegistered
    | UserFollowed
    | UserUnfollowed
    | FollowRequested
    | UserBlocked
    | UserUnblocked
    | UserMuted
    | UserUnmuted
    | PreferencesChanged
)
Fact = PersonFact | FollowedFact | RollFact | PhotoFact | ReactionFact

FACT_TYPES: tuple[type[Fact], ...] = Fact.__args__

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)


def encode(fact: Fact) -> bytes:
    """The bytes of a fact in the log."""
    return _encoder.encode(fact)


def decode(value: bytes | None) -> Fact:
    """The fact in a record's value; `msgspec.DecodeError` (or `ValidationError`) names what is wrong with it."""
    if value is None:
        raise msgspec.ValidationError("a fact has no value; expected JSON (facts are never tombstones)")
    return _decoder.decode(value)


def type_name(fact: Fact) -> str:
    """The fact's type as it stands in the log: its class name."""
    return type(fact).__name__


def aggregate(fact: Fact) -> AnyId:
    """What the fact is about, which is its key in the log: all facts of one aggregate stay in order.

    Whatever becomes of a follow is about the follower, whoever says it.
    """
    if isinstance(fact, PhotoFact | ReactionFact):
        return fact.photo
    if isinstance(fact, RollFact):
        return fact.roll
    return fact.whom if isinstance(fact, FollowedFact) else fact.by
