"""How a reader stands to photos, people and rolls: what `projections` answers, and what decides who sees what."""

import msgspec

from api.cards import Tally
from schemas.hashes import Profile, Roll
from schemas.ids import PhotoId, RollId, UserId
from schemas.visibility import Admission, Tie


class Around(msgspec.Struct, frozen=True):
    """What decides about photos besides their cards: who took them, and how the reader stands to that."""

    profiles: dict[UserId, Profile | None]
    followed: frozenset[UserId]
    muted: frozenset[UserId]
    ties: dict[UserId, Tie]
    admissions: dict[RollId, Admission]
    tallies: dict[PhotoId, Tally] = {}


class Person(msgspec.Struct, frozen=True):
    """A profile with its neighbourhood, and how the reader stands to it."""

    profile: Profile
    followers: int
    following: int
    is_followed: bool
    is_asked: bool
    is_follower: bool
    is_muted: bool
    tied: Tie


class Shared(msgspec.Struct, frozen=True):
    """A roll as the reader stands to it."""

    roll: Roll | None
    members: int
    admitted: Admission
