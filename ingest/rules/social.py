"""Who follows whom."""

from datetime import datetime

from schemas.facts import UserFollowed, UserUnfollowed
from schemas.ids import FactId, UserId
from schemas.problems import Refused


def decide_following(whom: UserId, *, exists: bool, id: FactId, by: UserId, at: datetime) -> UserFollowed | Refused:
    """Following twice is two facts and one effect: views may lag behind an unfollow, so they are not asked."""
    if not exists:
        return Refused("not_found", "there is no such user")
    if whom == by:
        return Refused("self_follow", "nobody follows themselves")
    return UserFollowed(id=id, at=at, by=by, whom=whom)


def decide_unfollowing(whom: UserId, *, exists: bool, id: FactId, by: UserId, at: datetime) -> UserUnfollowed | Refused:
    """Harmless for whom one does not follow."""
    if not exists:
        return Refused("not_found", "there is no such user")
    return UserUnfollowed(id=id, at=at, by=by, whom=whom)
