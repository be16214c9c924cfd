from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.intents import Claim, Exclude, Forget, Include, Insert, Point, Remove, Save, Until, ViewIntent
from processors.processor import Effects
from processors.rules import feeds
from processors.rules.views import changes
from schemas import facts, hashes, projections
from schemas.facts import Fact, RollLeft, RollMemberRemoved
from schemas.hashes import Card, Invite, Profile, Roll
from schemas.ids import bucket
from schemas.projections import place
from schemas.secrets import Ended
from schemas.visibility import NOBODY, tie
from tests import builders as a
from tests.twins.projections import ProjectionsTwin

ANA, BEN = a.a_user("ana"), a.a_user("ben")


def done(fact: Fact) -> list[ViewIntent]:
    return list(changes(fact))


def saved(intents: Sequence[ViewIntent]) -> dict[str, str]:
    (save,) = [intent for intent in intents if isinstance(intent, Save)]
    return dict(save.fields)


def test_a_registration_makes_a_profile_a_name_and_an_answer_for_the_retry() -> None:
    fact = a.user_registered(ANA, "Ana", display_name="Ana from Lisbon", tz="Europe/Lisbon")

    intents = done(fact)

    expected = Profile(username="Ana", display_name="Ana from Lisbon", tz="Europe/Lisbon", registered_at=fact.at)
    assert hashes.read(Profile, saved(intents)) == expected
    assert Claim(projections.username("ana"), ANA) in intents
    assert Point(projections.entity(fact.id), ANA) in intents


def test_an_address_stands_in_no_view() -> None:
    assert "email" not in saved(done(a.user_registered()))


@pytest.mark.parametrize("fact", [a.user_followed(ANA, BEN), a.follow_accepted(BEN, ANA)], ids=["follow", "accept"])
def test_a_follow_is_known_from_both_sides_and_no_longer_asked_for(fact: Fact) -> None:
    assert done(fact) == [
        Include(projections.following(ANA), BEN),
        Include(projections.followers(BEN), ANA),
        Exclude(projections.follow_requests(BEN), ANA),
    ]


@pytest.mark.parametrize(
    "fact", [a.user_unfollowed(ANA, BEN), a.follower_removed(BEN, ANA)], ids=["unfollow", "remove"]
)
def test_the_end_of_a_follow_is_known_from_both_sides_and_of_a_request_too(fact: Fact) -> None:
    assert done(fact) == [
        Exclude(projections.following(ANA), BEN),
        Exclude(projections.followers(BEN), ANA),
        Exclude(projections.follow_requests(BEN), ANA),
    ]


def test_a_request_stands_with_whom_it_asks_until_it_is_declined() -> None:
    assert done(a.follow_requested(ANA, BEN)) == [Include(projections.follow_requests(BEN), ANA)]
    assert done(a.follow_declined(BEN, ANA)) == [Exclude(projections.follow_requests(BEN), ANA)]


def test_a_block_is_known_from_both_sides_and_a_mute_from_one() -> None:
    assert done(a.user_blocked(ANA, BEN)) == [
        Include(projections.blocks(ANA), BEN),
        Include(projections.blocked_by(BEN), ANA),
    ]
    assert done(a.user_unblocked(ANA, BEN)) == [
        Exclude(projections.blocks(ANA), BEN),
        Exclude(projections.blocked_by(BEN), ANA),
    ]
    assert done(a.user_muted(ANA, BEN)) == [Include(projections.mutes(ANA), BEN)]
    assert done(a.user_unmuted(ANA, BEN)) == [Exclude(projections.mutes(ANA), BEN)]


async def test_an_account_is_private_until_it_is_public_again_whatever_is_registered_twice() -> None:
    registered = a.user_registered(ANA, "ana")

    private = await views_after([registered, a.preferences_changed(ANA), registered])
    public = await views_after([registered, a.preferences_changed(ANA), a.preferences_changed(ANA, "public")])

    assert profile_in(await private.views()).is_private
    assert not profile_in(await public.views()).is_private


def profile_in(views: Mapping[str, object]) -> Profile:
    found = views[projections.profile(ANA)]
    assert isinstance(found, dict)
    return hashes.read(Profile, found)


def test_the_owner_is_a_member_of_the_roll_they_open() -> None:
    fact = a.roll_opened(ANA, name="Lisbon", visibility="private", develop="10s")

    intents = done(fact)

    roll = hashes.read(Roll, saved(intents))
    assert (roll.owner, roll.name, roll.visibility, roll.develop) == (ANA, "Lisbon", "private", "10s")
    assert Include(projections.members(fact.roll), ANA) in intents
    assert Include(projections.user_rolls(ANA), fact.roll) in intents
    assert Point(projections.entity(fact.id), fact.roll) in intents


def test_whoever_joins_is_a_member() -> None:
    roll = a.a_roll(ANA)

    assert done(a.roll_joined(BEN, roll)) == [
        Include(projections.members(roll), BEN),
        Include(projections.user_rolls(BEN), roll),
    ]


def test_an_invite_is_found_by_the_hash_of_its_token() -> None:
    fact = a.roll_invite_created(token_sha256=a.a_token("invite"))

    assert done(fact) == [
        Save(
            projections.invite(a.a_token("invite")),
            hashes.fields(Invite(roll=fact.roll, expires_at=fact.expires_at, created_at=fact.at)),
        )
    ]


@pytest.mark.parametrize("fact", [a.roll_left(BEN, a.a_roll(ANA)), a.roll_member_removed(ANA, a.a_roll(ANA), BEN)])
def test_whoever_leaves_or_is_removed_is_no_member(fact: RollLeft | RollMemberRemoved) -> None:
    assert done(fact)[:2] == [
        Exclude(projections.members(fact.roll), BEN),
        Exclude(projections.user_rolls(BEN), fact.roll),
    ]


def test_of_a_removal_is_remembered_when_it_was() -> None:
    fact = a.roll_member_removed(ANA, a.a_roll(ANA), BEN)

    assert done(fact)[2:] == [Save(projections.removed_members(fact.roll), {BEN: hashes.text(fact.at)})]


async def test_a_roll_that_was_renamed_and_closed_stays_so_when_its_opening_comes_twice() -> None:
    opened = a.roll_opened(ANA, name="Lisbon")

    views = await (
        await views_after([opened, a.roll_renamed(ANA, opened.roll, "Porto"), a.roll_closed(ANA, opened.roll), opened])
    ).views()

    found = views[projections.roll(opened.roll)]
    assert isinstance(found, dict)
    roll = hashes.read(Roll, found)
    assert (roll.current_name, roll.closed_at, roll.owner) == ("Porto", a.NOON, ANA)


async def test_an_invite_that_was_revoked_says_so() -> None:
    created = a.roll_invite_created(ANA)

    views = await (await views_after([created, a.roll_invite_revoked(ANA, created.roll)])).views()

    found = views[projections.invite(created.token_sha256)]
    assert isinstance(found, dict)
    invite = hashes.read(Invite, found)
    assert (invite.roll, invite.revoked_at) == (created.roll, a.NOON)


def test_a_captured_photo_stands_with_its_author_and_in_its_roll() -> None:
    roll = a.a_roll(BEN)
    fact = a.photo_captured(ANA, roll=roll, visibility="private", caption="dusk", taken_at=a.MORNING)

    intents = done(fact)

    card = hashes.read(Card, saved(intents))
    assert (card.author, card.roll, card.visibility, card.caption) == (ANA, roll, "private", "dusk")
    assert (card.reveal_at, card.captured_at, card.taken_at) == (fact.reveal_at, fact.at, a.MORNING)
    assert Insert(projections.user_photos(ANA), place(fact.photo)) in intents
    assert Insert(projections.roll_photos(roll), place(fact.photo)) in intents
    assert Point(projections.entity(fact.id), fact.photo) in intents


def test_a_photo_without_a_roll_stands_in_none() -> None:
    assert len([intent for intent in done(a.photo_captured(ANA)) if isinstance(intent, Insert)]) == 1


def test_where_an_original_lies_stands_in_no_card() -> None:
    fact = a.photo_captured()

    assert not {fact.original, fact.secret, fact.etag} & set(saved(done(fact)).values())


def test_development_adds_sizes_and_leaves_the_rest_of_the_card() -> None:
    card = hashes.read(Card, saved(done(a.photo_developed())))

    assert [size.name for size in card.sizes] == ["large", "small"]
    assert (card.placeholder, card.width_px, card.height_px) == ("LEHV", 2048, 1365)
    assert (card.author, card.visibility, card.reveal_at) == (None, None, None)


def test_a_spoiled_photo_says_why() -> None:
    assert saved(done(a.photo_spoiled(reason="too_large"))) == {"spoiled": "too_large"}


def test_a_deleted_photo_leaves_the_grid_and_says_so_on_its_card() -> None:
    fact = a.photo_deleted(ANA)

    assert done(fact)[:2] == [
        Save(projections.card(fact.photo), {**hashes.fields(Card(deleted_at=fact.at)), "caption": ""}),
        Remove(projections.user_photos(ANA), place(fact.photo)),
    ]


def test_a_deleted_photo_leaves_its_roll_too() -> None:
    fact = a.photo_deleted(ANA, roll=a.a_roll())

    assert done(fact)[2] == Remove(projections.roll_photos(a.a_roll()), place(fact.photo))


def test_a_session_ends_by_itself() -> None:
    session = a.a_session(ANA)

    point = Point(projections.session(session.token_sha256), ANA, session.expires_at)
    own = projections.sessions(ANA, session.expires_at)
    over = projections.day_after(session.expires_at)
    assert list(changes(session)) == [point, Include(own, session.token_sha256), Until(own, over)]
    assert timedelta() < over - session.expires_at <= timedelta(days=1), "as long as the last of that day, no longer"


def test_a_tombstone_ends_what_its_key_names() -> None:
    session, password = a.a_session(), a.a_password(ANA)

    assert list(changes(Ended(key=f"session:{session.token_sha256}"))) == [
        Forget(projections.session(session.token_sha256))
    ]
    assert list(changes(password)) == [Point(projections.password(ANA), password.hash)]
    assert list(changes(Ended(key=f"password:{ANA}"))) == [Forget(projections.password(ANA))]


def test_a_tombstone_of_something_unknown_is_a_bad_record() -> None:
    with pytest.raises(ValueError, match="'sesame:1'; expected password"):
        list(changes(Ended(key="sesame:1")))


async def views_after(facts: Sequence[Fact]) -> ProjectionsTwin:
    twin = ProjectionsTwin(lambda: a.NOON)
    await twin.apply([Effects(a.an_origin(n), tuple(changes(fact))) for n, fact in enumerate(facts)])
    return twin


ROLL, PHOTO, TAKEN_BACK = a.a_roll(ANA), a.a_photo(ANA, 1), a.a_photo(ANA, 2)
LIVES = (
    a.user_registered(ANA, "ana"), a.user_registered(BEN, "ben"), a.user_followed(BEN, ANA), a.roll_opened(ANA, ROLL),
    a.roll_joined(BEN, ROLL), a.roll_invite_created(ANA, ROLL), a.photo_captured(ANA, PHOTO, ROLL),
    a.photo_developed(ANA, PHOTO, ROLL), a.photo_captured(ANA, TAKEN_BACK, ROLL),
    a.photo_developed(ANA, TAKEN_BACK, ROLL), a.photo_spoiled(BEN, a.a_photo(BEN)),
)  # fmt: skip


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.permutations(LIVES))
async def test_facts_in_any_order_make_the_same_views(shuffled: list[Fact]) -> None:
    in_order, in_any = await views_after(LIVES), await views_after(shuffled)

    assert await in_any.views() == await in_order.views()


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.permutations([*LIVES, a.photo_deleted(ANA, TAKEN_BACK)]))
async def test_a_deletion_wins_in_any_order(shuffled: list[Fact]) -> None:
    views = await (await views_after(shuffled)).views()

    card = views[projections.card(TAKEN_BACK)]
    assert isinstance(card, dict)
    assert hashes.read(Card, card).deleted_at == a.NOON


def test_a_report_stands_with_its_photo_until_a_moderator_decides_or_its_author_does() -> None:
    photo, reported = a.a_photo(ANA), a.photo_reported(BEN, a.a_photo(ANA))
    settled = [Forget(projections.reports(photo)), Exclude(projections.reported(bucket(photo)), photo)]

    assert done(reported) == [
        Save(projections.reports(photo), {BEN: "spam"}),
        Include(projections.reported(bucket(photo)), photo),
        Point(projections.entity(reported.id), photo),
    ]
    for fact in (a.photo_taken_down(BEN, photo), a.takedown_reversed(BEN, photo), a.photo_deleted(ANA, photo)):
        assert done(fact)[-2:] == settled


def test_a_takedown_and_its_reversal_touch_one_field_of_the_card() -> None:
    photo = a.a_photo(ANA)

    assert saved(done(a.photo_taken_down(BEN, photo))) == {"taken_down": "spam"}
    assert saved(done(a.takedown_reversed(BEN, photo))) == {"taken_down": ""}
    for fact in (a.photo_taken_down(BEN, photo), a.takedown_reversed(BEN, photo)):
        assert not list(feeds.changes(fact)), "every place stays as it is"
        assert not [intent for intent in done(fact) if isinstance(intent, Remove | Insert)]


def test_a_suspension_and_its_end_touch_one_field_of_the_profile() -> None:
    assert done(a.user_suspended(BEN, ANA)) == [Save(projections.profile(ANA), {"suspended": "spam"})]
    assert done(a.user_reinstated(BEN, ANA)) == [Save(projections.profile(ANA), {"suspended": ""})]
    assert facts.aggregate(a.user_suspended(BEN, ANA)) == ANA, "in order after the registration, whoever decides"


def test_an_erasure_leaves_of_a_profile_what_is_not_about_anybody() -> None:
    fields = {"username": "", "display_name": "", "tz": "UTC", "erased_at": hashes.text(a.NOON)}

    assert done(a.user_erased(ANA)) == [Save(projections.profile(ANA), fields, unless="erased_at")]
    assert not list(feeds.changes(a.user_erased(ANA))), "a read hides what they made"
    assert facts.aggregate(a.user_erased(ANA)) == ANA, "in order after the registration"


LATE = (
    a.user_registered(ANA, "ana", "Ana"), a.preferences_changed(ANA), a.preferences_changed(ANA, "public"),
    a.user_erased(ANA, a.NOON + timedelta(days=1)), a.user_suspended(BEN, ANA), a.photo_captured(ANA, PHOTO),
    a.photo_developed(ANA, PHOTO), a.user_followed(BEN, ANA), a.user_followed(ANA, BEN),
)  # fmt: skip


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.permutations(LATE))
async def test_no_late_fact_brings_back_who_erased_themselves(late: list[Fact]) -> None:
    views = await (await views_after([a.user_registered(ANA, "ana", "Ana"), a.user_erased(ANA), *late])).views()

    found = views[projections.profile(ANA)]
    assert isinstance(found, dict)
    profile = hashes.read(Profile, found)
    assert (profile.username, profile.display_name, profile.tz, profile.visibility) == ("", "", "UTC", None)
    assert profile.erased_at == a.NOON, "the first time counts"
    assert tie(profile, is_followed=True, is_blocked=False) in NOBODY
