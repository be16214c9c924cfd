"""Facts: what the product accepted. A closed list, past tense, validated: the system of record.

One Kafka record of `facts.v1` is one fact: JSON, tagged by `type`, unknown members ignored, ids as decimal strings.
Every fact has `id` (same id = same fact, however often it stands in the log), `at` (when we accepted it) and `by` (who
did it). Personal free text sits in the one member `personal`, so that it can be sealed with the person's key without
touching any rule. Each type has an example in `schemas/examples/`.
"""

import msgspec

from schemas.facts.base import (
    Visibility,
)
from schemas.facts.conversations import (
    ConversationFact,
    ConversationStarted,
    MessageSent,
    MessagesRead,
    MessageText,
)
from schemas.facts.moderation import (
    ModerationFact,
    PhotoReported,
    PhotoTakenDown,
    Reason,
    ReportText,
    SuspensionFact,
    TakedownReversed,
    UserReinstated,
    UserSuspended,
)
from schemas.facts.people import (
    AccountText,
    FollowAccepted,
    FollowDeclined,
    FollowedFact,
    FollowerRemoved,
    FollowRequested,
    PersonFact,
    PreferencesChanged,
    UserBlocked,
    UserErased,
    UserFollowed,
    UserMuted,
    UserRegistered,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from schemas.facts.photos import (
    PhotoCaptured,
    PhotoDeleted,
    PhotoDeveloped,
    PhotoFact,
    PhotoSpoiled,
    PhotoText,
    RenditionFact,
)
from schemas.facts.reactions import (
    CommentDeleted,
    CommentPosted,
    CommentText,
    PhotoLiked,
    PhotoUnliked,
    ReactionFact,
)
from schemas.facts.rolls import (
    RollClosed,
    RollFact,
    RollInviteCreated,
    RollInviteRevoked,
    RollJoined,
    RollLeft,
    RollMemberRemoved,
    RollOpened,
    RollRenamed,
    RollText,
)
from schemas.ids import AnyId

__all__ = [
    "FACT_TYPES",
    "AccountText",
    "CommentDeleted",
    "CommentPosted",
    "CommentText",
    "ConversationFact",
    "ConversationStarted",
    "Fact",
    "FollowAccepted",
    "FollowDeclined",
    "FollowRequested",
    "FollowedFact",
    "FollowerRemoved",
    "MessageSent",
    "MessageText",
    "MessagesRead",
    "ModerationFact",
    "PersonFact",
    "PhotoCaptured",
    "PhotoDeleted",
    "PhotoDeveloped",
    "PhotoFact",
    "PhotoLiked",
    "PhotoReported",
    "PhotoSpoiled",
    "PhotoTakenDown",
    "PhotoText",
    "PhotoUnliked",
    "PreferencesChanged",
    "ReactionFact",
    "Reason",
    "RenditionFact",
    "ReportText",
    "RollClosed",
    "RollFact",
    "RollInviteCreated",
    "RollInviteRevoked",
    "RollJoined",
    "RollLeft",
    "RollMemberRemoved",
    "RollOpened",
    "RollRenamed",
    "RollText",
    "SuspensionFact",
    "TakedownReversed",
    "UserBlocked",
    "UserErased",
    "UserFollowed",
    "UserMuted",
    "UserRegistered",
    "UserReinstated",
    "UserSuspended",
    "UserUnblocked",
    "UserUnfollowed",
    "UserUnmuted",
    "Visibility",
    "aggregate",
    "decode",
    "encode",
    "type_name",
]

Fact = (
    PersonFact | FollowedFact | RollFact | PhotoFact | ReactionFact | ModerationFact | ConversationFact | SuspensionFact
)

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

    Whatever becomes of a follow is about the follower, whoever says it, and a suspension about who is suspended.
    """
    if isinstance(fact, PhotoFact | ReactionFact | ModerationFact):
        return fact.photo
    if isinstance(fact, ConversationFact):
        return fact.conversation
    if isinstance(fact, RollFact):
        return fact.roll
    return fact.whom if isinstance(fact, FollowedFact | SuspensionFact) else fact.by
