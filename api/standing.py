"""How a reader stands to photos, people and rolls: what `projections` answers, and what decides who sees what."""

import msgspec

from api.cards import Tally
from schemas.hashes import Profile
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
