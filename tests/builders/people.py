"""Facts about people: accounts, and who follows, blocks or mutes whom."""

from datetime import datetime

from schemas.facts import (
    AccountText,
    FollowAccepted,
    FollowDeclined,
    FollowerRemoved,
    FollowRequested,
    PreferencesChanged,
    UserBlocked,
    UserErased,
    UserFollowed,
    UserMuted,
    UserRegistered,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
    Visibility,
)
from schemas.ids import UserId
from tests.builders.ids import NOON, a_fact_id, a_user


def user_registered(
    by: UserId | None = None,
    username: str = "ana",
    display_name: str | None = None,
    tz: str = "UTC",
    at: datetime = NOON,
) -> UserRegistered:
    by = by or a_user(username)
    personal = AccountText(username=username, display_name=display_name)
    return UserRegistered(id=a_fact_id("registered", by, username), at=at, by=by, tz=tz, personal=personal)


def user_erased(by: UserId, at: datetime = NOON) -> UserErased:
    return UserErased(id=a_fact_id("erased", by, at), at=at, by=by)


def user_followed(by: UserId, whom: UserId, at: datetime = NOON) -> UserFollowed:
    return UserFollowed(id=a_fact_id("followed", by, whom, at), at=at, by=by, whom=whom)


def user_unfollowed(by: UserId, whom: UserId, at: datetime = NOON) -> UserUnfollowed:
    return UserUnfollowed(id=a_fact_id("unfollowed", by, whom, at), at=at, by=by, whom=whom)


def follow_requested(by: UserId, whom: UserId, at: datetime = NOON) -> FollowRequested:
    return FollowRequested(id=a_fact_id("requested", by, whom, at), at=at, by=by, whom=whom)


def follow_accepted(by: UserId, whom: UserId, at: datetime = NOON) -> FollowAccepted:
    return FollowAccepted(id=a_fact_id("accepted", by, whom, at), at=at, by=by, whom=whom)


def follow_declined(by: UserId, whom: UserId, at: datetime = NOON) -> FollowDeclined:
    return FollowDeclined(id=a_fact_id("declined", by, whom, at), at=at, by=by, whom=whom)


def follower_removed(by: UserId, whom: UserId, at: datetime = NOON) -> FollowerRemoved:
    return FollowerRemoved(id=a_fact_id("follower removed", by, whom, at), at=at, by=by, whom=whom)


def user_blocked(by: UserId, whom: UserId, at: datetime = NOON) -> UserBlocked:
    return UserBlocked(id=a_fact_id("blocked", by, whom, at), at=at, by=by, whom=whom)


def user_unblocked(by: UserId, whom: UserId, at: datetime = NOON) -> UserUnblocked:
    return UserUnblocked(id=a_fact_id("unblocked", by, whom, at), at=at, by=by, whom=whom)


def user_muted(by: UserId, whom: UserId, at: datetime = NOON) -> UserMuted:
    return UserMuted(id=a_fact_id("muted", by, whom, at), at=at, by=by, whom=whom)


def user_unmuted(by: UserId, whom: UserId, at: datetime = NOON) -> UserUnmuted:
    return UserUnmuted(id=a_fact_id("unmuted", by, whom, at), at=at, by=by, whom=whom)


def preferences_changed(by: UserId, visibility: Visibility = "private", at: datetime = NOON) -> PreferencesChanged:
    return PreferencesChanged(id=a_fact_id("preferences", by, visibility, at), at=at, by=by, visibility=visibility)
