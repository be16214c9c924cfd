"""What a fact does to feeds.

A feed is a list of candidates: who may see a photo, and from when, is decided when a page is read. So photos of private
rolls are published like all others, and sealed ones too: the id carries the reveal.
"""

from collections.abc import Iterator

from processors.intents import FeedIntent, Follow, Publish, Unfollow, Withdraw
from schemas.facts import (
    Fact,
    FollowAccepted,
    FollowerRemoved,
    PhotoDeleted,
    PhotoDeveloped,
    UserFollowed,
    UserRegistered,
    UserUnfollowed,
)


def changes(fact: Fact) -> Iterator[FeedIntent]:
    """What `fact` does to feeds, as intents that may be applied twice."""
    match fact:
        case UserRegistered(by=user):
            yield Follow(user, user)  # one's own photos stand in one's own feed
        case UserFollowed(by=reader, whom=author) | FollowAccepted(by=author, whom=reader):
            yield Follow(reader, author)
        case UserUnfollowed(by=reader, whom=author) | FollowerRemoved(by=author, whom=reader):
            yield Unfollow(reader, author)
        case PhotoDeveloped(by=author, photo=photo):  # never on captured: a spoiled photo must not enter a feed
            yield Publish(author, photo)
        case PhotoDeleted(by=author, photo=photo):
            yield Withdraw(author, photo)
        case _:
            return
