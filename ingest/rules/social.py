"""Who follows whom, who may not, and who sees nothing of whom."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from schemas import ids
from schemas.facts import (
    Fact,
    FollowAccepted,
    FollowDeclined,
    FollowerRemoved,
    FollowRequested,
    PreferencesChanged,
    RollLeft,
    RollMemberRemoved,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
    Visibility,
)
from schemas.hashes import Profile
from schemas.ids import FactId, RollId, UserId
from schemas.problems import Refused

NOBODY = Refused("not_found", "there is no such user")
NOT_ASKED = Refused("not_found", "there is no such request")
ONESELF = Refused("self_target", "nobody does this to themselves")


class SetPreferences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`PUT /v1/me/preferences`: all of them. `private`: who wants to follow has to ask."""

    visibility: Visibility


class Standing(msgspec.Struct, frozen=True):
    """How whoever commands stands to another person, whose profile this is."""

    profile: Profile
    follows: bool = False
    is_followed: bool = False
    is_asked: bool = False  # to be followed by that person
    blocks: bool = False
    is_blocked: bool = False

    @property
    def is_hidden(self) -> bool:
        """A block hides both ways; who is suspended or erased is hidden from all."""
        return self.blocks or self.is_blocked or self.profile.is_hidden


def decide_following(
    known: Standing | None, whom: UserId, *, id: FactId, by: UserId, at: datetime
) -> UserFollowed | FollowRequested | Refused | None:
    """A follow, or the question whether one may; None for a private account that one follows already.

    Following a public one twice is two facts and one effect: views may lag behind an unfollow, so they are not asked.
    Of a private one they are: a follow that nobody accepted must not follow a removal.
    """
    if known is None or known.is_hidden:
        return NOBODY
    if whom == by:
        return Refused("self_follow", "nobody follows themselves")
    if not known.profile.is_private:
        return UserFollowed(id=id, at=at, by=by, whom=whom)
    return None if known.follows else FollowRequested(id=id, at=at, by=by, whom=whom)


def decide_unfollowing(
    known: Standing | None, whom: UserId, *, id: FactId, by: UserId, at: datetime
) -> UserUnfollowed | Refused:
    """Harmless for whom one does not follow; takes a request back."""
    if known is None or known.is_hidden:
        return NOBODY
    return UserUnfollowed(id=id, at=at, by=by, whom=whom)


def decide_accepting(
    known: Standing | None, whom: UserId, *, id: FactId, by: UserId, at: datetime
) -> FollowAccepted | Refused | None:
    """`whom` asked and may follow `by`; None when they do already."""
    if known is None or known.is_hidden:
        return NOT_ASKED
    if known.is_asked:
        return FollowAccepted(id=id, at=at, by=by, whom=whom)
    return None if known.is_followed else NOT_ASKED


def decide_declining(
    known: Standing | None, whom: UserId, *, id: FactId, by: UserId, at: datetime
) -> FollowDeclined | Refused:
    """`whom` asked and may not; they are not told, and may ask again."""
    if known is None or known.is_hidden or not known.is_asked:
        return NOT_ASKED
    return FollowDeclined(id=id, at=at, by=by, whom=whom)


def decide_removing(
    known: Standing | None, whom: UserId, *, id: FactId, by: UserId, at: datetime
) -> FollowerRemoved | Refused | None:
    """`whom` follows `by` no more; None when they do not."""
    if known is None or known.is_hidden:
        return NOBODY
    return FollowerRemoved(id=id, at=at, by=by, whom=whom) if known.is_followed else None


def decide_blocking(
    known: Standing | None, whom: UserId, owners: Mapping[RollId, UserId], *, id: FactId, by: UserId, at: datetime
) -> tuple[Fact, ...] | Refused:
    """The block, then what ends with it: both follows and requests, and membership in each other's rolls (`owners`).

    The block comes first: from then on both see nothing of each other, whatever of the rest is still on its way. The
    follows are ended whether views know them or not: one may have been accepted this very moment.
    """
    if whom == by:
        return ONESELF
    if known is None or known.profile.erased_at or (known.is_blocked and not known.blocks):
        return NOBODY
    return (
        UserBlocked(id=id, at=at, by=by, whom=whom),
        *_strangers(whom, id=id, by=by, at=at),
        *(_parted(roll, owner, whom, id=id, by=by, at=at) for roll, owner in owners.items()),
    )


def _strangers(whom: UserId, *, id: FactId, by: UserId, at: datetime) -> tuple[UserUnfollowed, FollowerRemoved]:
    """Neither follows the other, nor asks to."""
    unfollowed, removed = (ids.derived_fact_id(id, kind) for kind in ("UserUnfollowed", "FollowerRemoved"))
    return (
        UserUnfollowed(id=unfollowed, at=at, by=by, whom=whom),
        FollowerRemoved(id=removed, at=at, by=by, whom=whom),
    )


def _parted(
    roll: RollId, owner: UserId, whom: UserId, *, id: FactId, by: UserId, at: datetime
) -> RollLeft | RollMemberRemoved:
    if owner == by:
        removed = ids.derived_fact_id(id, f"RollMemberRemoved {roll}")
        return RollMemberRemoved(id=removed, at=at, by=by, roll=roll, whom=whom)
    return RollLeft(id=ids.derived_fact_id(id, f"RollLeft {roll}"), at=at, by=by, roll=roll)


def decide_unblocking(
    known: Standing | None, whom: UserId, *, id: FactId, by: UserId, at: datetime
) -> tuple[Fact, ...] | Refused:
    """Harmless for whom one does not block. The follows end once more before it: one may have crossed the block."""
    if whom == by:
        return ONESELF
    if known is None or (known.is_blocked and not known.blocks):
        return NOBODY
    ended = _strangers(whom, id=id, by=by, at=at) if known.blocks else ()
    return (*ended, UserUnblocked(id=id, at=at, by=by, whom=whom))


def decide_muting(known: Standing | None, whom: UserId, *, id: FactId, by: UserId, at: datetime) -> UserMuted | Refused:
    """Nobody but `by` ever learns of it."""
    return _not_another(known, whom, by) or UserMuted(id=id, at=at, by=by, whom=whom)


def decide_unmuting(
    known: Standing | None, whom: UserId, *, id: FactId, by: UserId, at: datetime
) -> UserUnmuted | Refused:
    """Harmless for whom one does not mute."""
    return _not_another(known, whom, by) or UserUnmuted(id=id, at=at, by=by, whom=whom)


def decide_preferences(command: SetPreferences, *, id: FactId, by: UserId, at: datetime) -> PreferencesChanged:
    """What `by` wants from now on."""
    return PreferencesChanged(id=id, at=at, by=by, visibility=command.visibility)


def _not_another(known: Standing | None, whom: UserId, by: UserId) -> Refused | None:
    if whom == by:
        return ONESELF
    return NOBODY if known is None or known.is_hidden else None
