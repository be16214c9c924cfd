"""Random histories of a few people, as the log would hold them: partitioned by aggregate, in order within each."""

from collections.abc import Sequence
from datetime import timedelta
from zlib import crc32

from hypothesis import strategies as st

from processors.processor import Effects
from processors.rules import feeds, views
from schemas import facts
from schemas.facts import Fact
from schemas.ids import UserId
from schemas.projections import Processor
from tests import builders as a
from tests import talks

PARTITIONS = 3
RULES = {"feeds": feeds.changes, "views": views.changes}

# Two neighbours in one bucket, and two who live elsewhere.
PEOPLE = tuple(a.a_user(name, bucket) for name, bucket in (("ana", 7), ("ben", 7), ("cleo", 8), ("dan", 60)))
REVEALS = (a.MORNING, a.MORNING - timedelta(days=1), a.NOON, a.NOON + timedelta(seconds=1), a.TOMORROW)

History = list[Fact]
people = st.sampled_from(PEOPLE)
photos = st.builds(
    lambda by, number, at: (by, a.a_photo(by, number, at)), people, st.integers(1, 2), st.sampled_from(REVEALS)
)
rolls = st.builds(a.a_roll, people)
pairs = (
    a.follow_requested, a.follow_declined, a.user_blocked, a.user_unblocked, a.user_muted, a.user_unmuted,
)  # fmt: skip # what two people may do besides, that no feed's list knows of
comments = st.builds(a.a_comment, people, st.integers(1, 2))
reactions = st.one_of(
    st.builds(lambda by, taken: a.photo_liked(by, taken[1]), people, photos),
    st.builds(lambda by, taken: a.photo_unliked(by, taken[1]), people, photos),
    st.builds(
        lambda by, taken, number, to: a.comment_posted(by, taken[1], a.a_comment(by, number), reply_to=to),
        people, photos, st.integers(1, 2), st.none() | comments,
    ),
    st.builds(lambda by, taken, comment: a.comment_deleted(by, taken[1], comment), people, photos, comments),
)  # fmt: skip
moderation = st.builds(
    lambda by, taken, made: made(by, taken[1]),
    people, photos, st.sampled_from((a.photo_reported, a.photo_taken_down, a.takedown_reversed)),
)  # fmt: skip
members = st.lists(people, min_size=2, max_size=3, unique=True)
conversations = st.one_of(
    members.map(lambda who: talks.conversation_opened(*who)),
    st.builds(lambda who, number: talks.message_posted(who[0], who, number), members, st.integers(1, 3)),
    st.builds(lambda who, number: talks.conversation_read(who[0], who, number), members, st.integers(1, 3)),
)
beside = st.one_of(
    *(st.builds(made, people, people) for made in pairs),
    st.builds(a.preferences_changed, people, st.sampled_from(("public", "private"))),
    st.builds(a.user_erased, people),
    st.builds(a.user_registered, people),  # a late copy
    st.builds(a.roll_joined, people, rolls),
    st.builds(a.roll_left, people, rolls),
    st.builds(a.roll_member_removed, people, rolls, people),
    reactions,
    conversations,
    moderation,
)
events = st.one_of(
    st.builds(a.user_followed, people, people),
    st.builds(a.follow_accepted, people, people),
    st.builds(a.user_unfollowed, people, people),
    st.builds(a.follower_removed, people, people),
    beside,
    photos.map(lambda taken: a.photo_developed(*taken)),
    photos.map(lambda taken: a.photo_developed(*taken)),
    photos.map(lambda taken: a.photo_deleted(*taken)),
)  # following and developing twice as often as taking back, so that feeds fill


def _possible(drawn: Sequence[Fact]) -> History:
    """Everybody registers first, nobody follows or leaves themself, and a photo lives once."""
    gone, kept = set(), []
    for fact in drawn:
        match fact:
            case facts.UserFollowed() | facts.UserUnfollowed() if fact.by == fact.whom:
                continue
            case facts.FollowAccepted() | facts.FollowerRemoved() if fact.by == fact.whom:
                continue
            case facts.PhotoDeveloped() | facts.PhotoDeleted() if fact.photo in gone:
                continue
            case facts.PhotoDeleted():
                gone.add(fact.photo)
        kept.append(fact)
    return [a.user_registered(user, f"user {n}") for n, user in enumerate(PEOPLE)] + kept


def partition(fact: Fact) -> int:
    return crc32(facts.aggregate(fact).encode()) % PARTITIONS


def logged(history: Sequence[Fact], processor: Processor) -> list[Effects]:
    """The history as `processor` sees it, each fact at its place in the log."""
    ends, effects = [0] * PARTITIONS, []
    for fact in history:
        number = partition(fact)
        effects.append(Effects(a.an_origin(ends[number], number), tuple(RULES[processor](fact))))
        ends[number] += 1
    return effects


@st.composite
def interleaved(draw: st.DrawFn, effects: Sequence[Effects]) -> list[Effects]:
    """Another order in which a consumer may see the same log: each partition in its own order."""
    lanes = [[each for each in effects if each.origin.partition == number] for number in range(PARTITIONS)]
    order = draw(st.permutations([each.origin.partition for each in effects]))
    return [lanes[number].pop(0) for number in order]


@st.composite
def runs(draw: st.DrawFn, effects: Sequence[Effects]) -> list[Effects]:
    """Some records that follow one another."""
    first = draw(st.integers(0, len(effects)))
    return list(effects[first : draw(st.integers(first, len(effects)))])


histories = st.lists(events, max_size=14).map(_possible)


def readers(history: Sequence[Fact]) -> set[UserId]:
    """Everyone who may have a feed."""
    return {fact.by for fact in history}
