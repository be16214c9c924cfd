import pytest

from processors.intents import Follow, Publish, Unfollow, Withdraw
from processors.rules.feeds import changes
from schemas.facts import Fact
from tests import builders as a

ANA, BEN = a.a_user("ana"), a.a_user("ben")
PHOTO = a.a_photo(ANA)


def test_a_developed_photo_is_published() -> None:
    assert list(changes(a.photo_developed(ANA, PHOTO))) == [Publish(ANA, PHOTO)]


def test_a_sealed_photo_is_published_as_well_because_its_id_says_when() -> None:
    sealed = a.a_photo(ANA, reveal_at=a.TOMORROW)

    assert list(changes(a.photo_developed(ANA, sealed))) == [Publish(ANA, sealed)]


def test_a_private_photo_is_published_as_well_because_reads_decide() -> None:
    assert list(changes(a.photo_developed(ANA, PHOTO, visibility="private"))) == [Publish(ANA, PHOTO)]


def test_a_follow_and_an_unfollow_are_passed_on() -> None:
    assert list(changes(a.user_followed(BEN, ANA))) == [Follow(BEN, ANA)]
    assert list(changes(a.user_unfollowed(BEN, ANA))) == [Unfollow(BEN, ANA)]


def test_an_accepted_request_is_a_follow_and_a_removed_follower_an_unfollow() -> None:
    assert list(changes(a.follow_accepted(ANA, BEN))) == [Follow(BEN, ANA)]
    assert list(changes(a.follower_removed(ANA, BEN))) == [Unfollow(BEN, ANA)]


def test_a_new_user_follows_themself_so_that_their_feed_exists() -> None:
    assert list(changes(a.user_registered(ANA))) == [Follow(ANA, ANA)]


def test_a_deleted_photo_is_withdrawn() -> None:
    assert list(changes(a.photo_deleted(ANA, PHOTO))) == [Withdraw(ANA, PHOTO)]


@pytest.mark.parametrize(
    "fact",
    [
        a.photo_captured(ANA),
        a.photo_spoiled(ANA),
        a.roll_opened(ANA),
        a.roll_joined(BEN, a.a_roll(ANA)),
        a.follow_requested(BEN, ANA),
        a.follow_declined(ANA, BEN),
        a.user_muted(BEN, ANA),
        a.user_blocked(BEN, ANA),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_nothing_else_reaches_a_feed(fact: Fact) -> None:
    assert list(changes(fact)) == []
