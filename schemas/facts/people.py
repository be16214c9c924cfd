"""Facts about people: accounts, and who follows, blocks or mutes whom."""

import msgspec

from schemas.facts.base import BaseFact, Visibility
from schemas.ids import UserId


class AccountText(msgspec.Struct, frozen=True, kw_only=True):
    """What a person calls themselves."""

    username: str
    display_name: str | None = None
    email: str | None = None


class UserRegistered(BaseFact, frozen=True, kw_only=True):
    """`by` is the new user; their password went to `credentials.v1` before this fact was appended."""

    tz: str
    personal: AccountText


class UserFollowed(BaseFact, frozen=True, kw_only=True):
    """`by` follows `whom` from now on."""

    whom: UserId


class UserUnfollowed(BaseFact, frozen=True, kw_only=True):
    """`by` no longer follows `whom`."""

    whom: UserId


class FollowRequested(BaseFact, frozen=True, kw_only=True):
    """`by` asks to follow `whom`, whose account is private."""

    whom: UserId


class FollowAccepted(BaseFact, frozen=True, kw_only=True):
    """`by` was asked; `whom`, who asked, follows them from now on."""

    whom: UserId


class FollowDeclined(BaseFact, frozen=True, kw_only=True):
    """`by` was asked and does not want `whom` to follow them."""

    whom: UserId


class FollowerRemoved(BaseFact, frozen=True, kw_only=True):
    """`whom` no longer follows `by`, nor asks to: `by` wants it so."""

    whom: UserId


class UserBlocked(BaseFact, frozen=True, kw_only=True):
    """`by` and `whom` see nothing of each other. That neither follows the other any more is said by facts beside it."""

    whom: UserId


class UserUnblocked(BaseFact, frozen=True, kw_only=True):
    """`by` no longer blocks `whom`; what the block ended does not come back."""

    whom: UserId


class UserMuted(BaseFact, frozen=True, kw_only=True):
    """Photos of `whom` stay out of the feed of `by`, and nobody else is told."""

    whom: UserId


class UserUnmuted(BaseFact, frozen=True, kw_only=True):
    """Photos of `whom` are in the feed of `by` again."""

    whom: UserId


class UserErased(BaseFact, frozen=True, kw_only=True):
    """`by` is no more: nobody sees them, nobody signs in as them, and no later fact of theirs brings them back."""


class PreferencesChanged(BaseFact, frozen=True, kw_only=True):
    """From now on `by` wants it so. Who has a private account is followed by whom they accept."""

    visibility: Visibility


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
    | UserErased
)
