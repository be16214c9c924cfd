"""Bugs that somebody could make any day, planted into the running code: the machine must find each of them.

A bug is a small patch that a test undoes; those of Lua must be planted before the stage opens, which loads the library.

Two were taken out again because 500 plays of fifty steps met them no more once there were more things to do: a walk
back that begins at the far end is found by `tests/api/test_paging.py`, a trimmed outbox that a new follower takes for
whole by `tests/processors/feeds/test_trimmed.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest

import api.feeds
import api.projections
import api.rolls
import api.users
from api import for_you, hydration
from api.candidates import Older
from api.hydration import PhotoPage
from api.projections import Projections as ApiProjections
from api.routes import Asked
from processors.intents import Exclude, FeedIntent, Forget, Include, Publish, Save, ViewIntent, Withdraw
from processors.rules import feeds as feed_rules
from processors.rules import views as view_rules
from processors.stores import calls, tending
from processors.stores import projections as store
from processors.stores.calls import Call, Step
from schemas import facts, projections, visibility
from schemas.hashes import Card, Profile
from schemas.ids import PhotoId, RollId, UserId, floor_at

TOO_MUCH = r"may be|nobody brought|expected None|'revealed'|as (revealed|sealed|spoiled)|sees (roll )?\d+(\n|$)"
A_GRID = "photos (of|in) |" + TOO_MUCH
TOO_LITTLE = "must hold|missed|expected"
TWICE = ":f:.* is "
A_WALK = "Walk"
A_FOLLOWER = r"^\d+ to |followers|following|may be"


class Bug(NamedTuple):
    """`shows`: what the look that finds it says, as a pattern."""

    name: str
    law: str
    plant: Callable[[pytest.MonkeyPatch], None]
    shows: str


def fan_out_on_captured(patch: pytest.MonkeyPatch) -> None:
    plain = feed_rules.changes

    def changes(fact: facts.Fact) -> Iterator[FeedIntent]:
        if isinstance(fact, facts.PhotoCaptured):
            yield Publish(fact.by, fact.photo)
        yield from plain(fact)

    patch.setattr(feed_rules, "changes", changes)


def reveal_by_a_clock_that_is_a_second_early(patch: pytest.MonkeyPatch) -> None:
    def floor_a_second_early(at: datetime) -> int:
        return floor_at(at + timedelta(seconds=1))

    for module in (api.feeds, api.users, api.rolls, hydration, visibility):
        patch.setattr(module, "floor_at", floor_a_second_early, raising=False)


def unfollow_forgets_the_outbox(patch: pytest.MonkeyPatch) -> None:
    plain = calls.withdrawn

    def withdrawn(step: Step, bucket: int, readers: Sequence[UserId], photos: Sequence[PhotoId]) -> Call:
        return plain(step, bucket, readers, [])

    patch.setattr(calls, "withdrawn", withdrawn)


def delete_forgotten_by_a_late_develop(patch: pytest.MonkeyPatch) -> None:
    plain = view_rules._fate

    def fate(fact: Any) -> Iterator[ViewIntent]:
        yield from plain(fact)
        if isinstance(fact, facts.PhotoDeveloped):
            yield Save(projections.card(fact.photo), {"deleted_at": "null"})

    patch.setattr(view_rules, "_fate", fate)


def block_one_way(patch: pytest.MonkeyPatch) -> None:
    plain = view_rules._shunned

    def shunned(fact: Any) -> Iterator[ViewIntent]:
        intents = list(plain(fact))
        yield from intents[:1] if isinstance(fact, facts.UserBlocked) else intents

    patch.setattr(view_rules, "_shunned", shunned)


def watermark_moved_by_the_first_chunk(patch: pytest.MonkeyPatch) -> None:
    plain: Callable[..., Call] = calls.delivered

    def delivered(step: Step, *rest: Any) -> Call:
        return plain(msgspec.structs.replace(step, moves=True), *rest)

    patch.setattr(calls, "delivered", delivered)


def redelivered_publish_inserted_twice(patch: pytest.MonkeyPatch) -> None:
    looks = "entry == id or "
    assert looks in store.LIBRARY
    patch.setattr(store, "LIBRARY", store.LIBRARY.replace(looks, ""))


def a_short_feed_calls_itself_complete(patch: pytest.MonkeyPatch) -> None:
    mark = "redis.call('RPUSH', list, '-' .. redis.call('LINDEX', list, -1))"
    assert mark in store.LIBRARY
    patch.setattr(store, "LIBRARY", store.LIBRARY.replace(mark, "redis.call('RPUSH', list, SENTINEL)"))
    shorten_feeds(patch)


def members_see_each_other_before_the_reveal(patch: pytest.MonkeyPatch) -> None:
    plain = visibility.sight

    def sight(photo: PhotoId, card: Card | None, reader: UserId, now: Any, admitted: Any, tied: Any) -> Any:
        later = now + timedelta(days=9) if admitted == "member" else now
        return plain(photo, card, reader, later, admitted, tied)

    patch.setattr(hydration, "sight", sight)


def mute_hides_from_the_profile_too(patch: pytest.MonkeyPatch) -> None:
    plain = hydration._judged

    def judged(asked: Asked, photo: PhotoId, card: Card | None, around: Any, floor: int) -> Any:
        is_muted = card is not None and card.author in around.muted
        return None if is_muted else plain(asked, photo, card, around, floor)

    patch.setattr(hydration, "_judged", judged)


def cursor_by_position_instead_of_id(patch: pytest.MonkeyPatch) -> None:
    plain = hydration.page

    async def page(asked: Asked, fetch: hydration.Fetch, *wanted: hydration.Wanted) -> PhotoPage:
        at = int(asked.position or 0)
        whole = await plain(replace(asked, position=None, limit=100), fetch, *wanted)
        more = str(at + asked.limit) if len(whole.items) > at + asked.limit else None
        return PhotoPage(items=whole.items[at : at + asked.limit], next_cursor=asked.cursor(more))

    patch.setattr(hydration, "page", page)
    patch.setattr(api.feeds, "page", page)


def shedding_counters_sheds_what_decides(patch: pytest.MonkeyPatch) -> None:
    """The bits are asked with the counts."""
    plain: Any = ApiProjections.looked

    async def looked(self: Any, reader: UserId, photos: Sequence[PhotoId], *, is_counted: bool = True) -> Any:
        found, around = await plain(self, reader, photos, is_counted=is_counted)
        if not is_counted:
            found = found | {photo: hot.card for photo in photos if (hot := kept.get(photo))}
        else:
            kept.update({photo: hot for photo in photos if (hot := self.hot.get(photo))})
        return found, around

    kept: dict[PhotoId, Any] = {}
    patch.setattr(ApiProjections, "looked", looked)


def every_page_is_ranked_anew(patch: pytest.MonkeyPatch) -> None:
    async def anew(asked: Asked, variant: str, order: Sequence[PhotoId], known: Any) -> Any:
        place, whole = asked.position, replace(asked, position=None)
        newest = await whole.room.projections.candidates(whole.reader, Older(floor_at(whole.now), 100))
        seen = await hydration.seen(whole, newest)
        order = [one.photo for one in seen if api.feeds.is_in_feed(whole, one)]
        return await plain(replace(asked, position=place), variant, order, {})

    plain: Any = for_you._page
    patch.setattr(for_you, "_page", anew)


def follow_without_backfill(patch: pytest.MonkeyPatch) -> None:
    async def entries(self: store.Projections, key: projections.Key) -> list[str]:
        return []

    patch.setattr(store.Projections, "entries", entries)


def removed_members_stay(patch: pytest.MonkeyPatch) -> None:
    def membership_ends(roll: RollId, user: UserId) -> Iterator[ViewIntent]:
        yield Exclude(projections.user_rolls(user), roll)

    patch.setattr(view_rules, "_membership_ends", membership_ends)


def a_request_is_a_follow(patch: pytest.MonkeyPatch) -> None:
    plain = view_rules._people

    def people(fact: Any) -> Iterator[ViewIntent]:
        yield from plain(fact)
        if isinstance(fact, facts.FollowRequested):
            yield Include(projections.following(fact.by), fact.whom)

    patch.setattr(view_rules, "_people", people)


def its_author_sees_what_is_taken_down(patch: pytest.MonkeyPatch) -> None:
    plain = visibility.sight

    def sight(photo: PhotoId, card: Card | None, reader: UserId, now: Any, admitted: Any, tied: Any) -> Any:
        own = card is not None and card.author == reader
        shown = msgspec.structs.replace(card, taken_down=None) if card and own else card
        return plain(photo, shown, reader, now, admitted, tied)

    patch.setattr(hydration, "sight", sight)


def a_takedown_is_a_withdrawal(patch: pytest.MonkeyPatch) -> None:
    plain, authors = feed_rules.changes, dict[PhotoId, UserId]()

    def changes(fact: facts.Fact) -> Iterator[FeedIntent]:
        if isinstance(fact, facts.PhotoCaptured):
            authors[fact.photo] = fact.by
        if isinstance(fact, facts.PhotoTakenDown):
            yield Withdraw(authors[fact.photo], fact.photo)
        yield from plain(fact)

    patch.setattr(feed_rules, "changes", changes)


def whoever_is_suspended_sees_themselves(patch: pytest.MonkeyPatch) -> None:
    plain = visibility.sight

    def sight(photo: PhotoId, card: Card | None, reader: UserId, now: Any, admitted: Any, tied: Any) -> Any:
        own = card is not None and card.author == reader
        return plain(photo, card, reader, now, admitted, "open" if own else tied)

    patch.setattr(hydration, "sight", sight)


def a_second_registration_brings_back_who_is_erased(patch: pytest.MonkeyPatch) -> None:
    plain = view_rules._people

    def people(fact: facts.PersonFact) -> Iterator[ViewIntent]:
        if isinstance(fact, facts.UserErased):
            yield Forget(projections.profile(fact.by))
        else:
            yield from plain(fact)

    patch.setattr(view_rules, "_people", people)


def moderators_see_who_is_erased(patch: pytest.MonkeyPatch) -> None:
    plain = visibility.tie

    def tie(profile: Profile | None, **stands: bool) -> Any:
        tied = plain(profile, **stands)
        return "suspended" if tied in ("gone", "erased") else tied

    patch.setattr(api.projections, "tie", tie)


def shorten_feeds(patch: pytest.MonkeyPatch) -> None:
    """No bug: most feeds are beyond their cap, and many outboxes."""
    patch.setattr(calls, "SLACK", 0)
    patch.setattr(calls, "OUTBOX_CAP", 5)
    for module in (calls, tending):
        patch.setattr(module, "FEED_CAP", 3)


BUGS = (
    Bug("fan out on captured", "5", fan_out_on_captured, TOO_MUCH),
    Bug("reveal by a clock that is a second early", "1", reveal_by_a_clock_that_is_a_second_early, TOO_MUCH),
    Bug("unfollow forgets the outbox", "12", unfollow_forgets_the_outbox, TOO_MUCH),
    Bug("delete forgotten by a late develop", "7", delete_forgotten_by_a_late_develop, TOO_MUCH),
    Bug("block one way", "9", block_one_way, TOO_MUCH),
    Bug("watermark moved by the first chunk", "17", watermark_moved_by_the_first_chunk, TOO_LITTLE),
    Bug("redelivered publish inserted twice", "16", redelivered_publish_inserted_twice, TWICE),
    Bug("a short feed calls itself complete", "21", a_short_feed_calls_itself_complete, TOO_LITTLE),
    Bug("members see each other before the reveal", "1", members_see_each_other_before_the_reveal, TOO_MUCH),
    Bug("mute hides from the profile too", "10", mute_hides_from_the_profile_too, TOO_LITTLE),
    Bug("cursor by position instead of id", "23", cursor_by_position_instead_of_id, A_WALK),
    Bug("shedding counters sheds what decides", "26", shedding_counters_sheds_what_decides, "shed [23] of"),
    Bug("every page is ranked anew", "28", every_page_is_ranked_anew, "RankedWalk"),
    Bug("follow without backfill", "13", follow_without_backfill, TOO_LITTLE),
    Bug("removed members stay", "15", removed_members_stay, TOO_MUCH),
    Bug("its author sees what is taken down", "8", its_author_sees_what_is_taken_down, A_GRID),
    Bug("a takedown is a withdrawal", "8", a_takedown_is_a_withdrawal, TOO_LITTLE),
    Bug("whoever is suspended sees themselves", "8", whoever_is_suspended_sees_themselves, A_GRID),
    Bug("a second registration brings back", "40", a_second_registration_brings_back_who_is_erased, " sees | is told"),
    Bug("moderators see who is erased", "40", moderators_see_who_is_erased, "a moderator sees"),
    Bug("a request is a follow", "11", a_request_is_a_follow, A_FOLLOWER),
)
