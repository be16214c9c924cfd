"""Conversations as views: one order, marks that only go further, lists in the bucket of whoever reads them."""

from collections.abc import Mapping, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.intents import Arrive, Claim, Include, Mark, Point, Raise, Save, Scored
from processors.processor import Effects
from processors.rules.views import changes
from schemas import conversations as view
from schemas import facts, hashes, projections
from schemas.conversations import Message
from schemas.facts import Fact, MessageSent, MessagesRead
from schemas.ids import ConversationId, MessageId, UserId
from tests import builders as a
from tests import talks
from tests.twins.projections import ProjectionsTwin, Value

ANA, BEN, CLEO = (a.a_user(name, bucket) for name, bucket in (("ana", 7), ("ben", 7), ("cleo", 60)))
PAIR = (ANA, CLEO)
TALK = talks.a_conversation(*sorted(PAIR, key=int))


def test_an_open_conversation_has_its_members_and_is_in_the_list_of_who_opened_it() -> None:
    fact = talks.conversation_opened(ANA, CLEO)

    assert list(changes(fact)) == [
        *(Include(view.members(TALK), member) for member in fact.members),
        Raise(view.inbox(ANA), TALK, view.moment(fact.at)),
        Claim(projections.entity(fact.id), TALK),
    ]


def test_a_message_has_its_place_and_stands_in_the_list_of_every_member() -> None:
    fact = talks.message_posted(CLEO, PAIR, text="Fog!")

    said = Message(author=CLEO, text="Fog!", posted_at=fact.at)
    assert list(changes(fact)) == [
        Save(view.message(TALK, fact.message), hashes.fields(said)),
        Arrive(view.messages(TALK), fact.message),
        Arrive(view.said(TALK, CLEO), fact.message),
        *(Raise(view.inbox(member), TALK, view.moment(fact.at)) for member in fact.members),
        Point(projections.entity(fact.id), fact.message),
    ]


def test_a_mark_is_as_far_as_its_message() -> None:
    fact = talks.conversation_read(ANA, PAIR)

    assert list(changes(fact)) == [Mark(view.marks(TALK), ANA, view.messages(TALK), fact.message)]


def test_what_is_said_lives_with_the_conversation_and_lists_with_their_readers() -> None:
    fact = talks.message_posted(CLEO, PAIR)
    kept = [intent for intent in changes(fact) if not isinstance(intent, Point)]

    homes = {projections.bucket_of_key(intent.key): type(intent) for intent in kept if isinstance(intent, Raise)}
    assert set(homes) == {7, 60}
    assert {projections.bucket_of_key(intent.key) for intent in kept if not isinstance(intent, Raise)} == {
        projections.bucket_of_key(view.members(TALK))
    }


# --- laws 30, 31 and 37 -----------------------------------------------------------------------------------------------

MEMBERS = tuple(sorted((ANA, BEN, CLEO), key=int))
PLACES = tuple(talks.a_conversation(*MEMBERS, bucket=bucket) for bucket in (7, 33))  # one on each of two partitions
people, numbers, where = st.sampled_from(MEMBERS), st.integers(1, 3), st.sampled_from(PLACES)
posts = st.builds(lambda by, number, place: talks.message_posted(by, MEMBERS, number, conversation=place),
                  people, numbers, where)  # fmt: skip
reads = st.builds(lambda by, number, place: talks.conversation_read(by, MEMBERS, number, conversation=place),
                  people, numbers, where)  # fmt: skip


def _possible(drawn: Sequence[Fact]) -> list[Fact]:
    """A message has one author, though its fact may come again; only what was said before is read, on any device."""
    said: dict[MessageId, Fact] = {}
    kept = list[Fact]()
    for fact in drawn:
        if isinstance(fact, MessageSent):
            kept.append(said.setdefault(fact.message, fact))
        elif isinstance(fact, MessagesRead) and fact.message in said:
            kept.append(fact)
    return kept


histories = st.lists(st.one_of(posts, reads), max_size=16).map(_possible)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Fact], list[Effects]]:
    """A history, and its records as a consumer may see them: partitions mixed, runs of them twice, workers that lag."""
    history = draw(histories)
    lanes: list[list[Effects]] = [[] for _ in PLACES]
    for fact in history:
        lane = PLACES.index(facts.aggregate(fact))
        lanes[lane].append(Effects(a.an_origin(len(lanes[lane]), lane), tuple(changes(fact))))
    seen = [0] * len(lanes)
    delivered = list[Effects]()
    while any(at < len(lane) for at, lane in zip(seen, lanes, strict=True)):
        number = draw(st.sampled_from([n for n, lane in enumerate(lanes) if seen[n] < len(lane)]))
        first = draw(st.integers(0, seen[number]))  # before what was seen: it comes again
        last = draw(st.integers(first + 1, len(lanes[number])))
        delivered += lanes[number][first:last]
        seen[number] = max(seen[number], last)
    return history, delivered


class Told(msgspec.Struct, frozen=True):
    """What everybody reads of a conversation."""

    order: list[str]
    unread: dict[UserId, int]


def expected(history: Sequence[Fact], place: ConversationId) -> Told:
    """By brute force: first copies in the order of the log, the furthest mark, what others said beyond it."""
    said: dict[MessageId, UserId] = {}
    marks = dict.fromkeys(MEMBERS, -1)
    for fact in history:
        if isinstance(fact, MessageSent) and fact.conversation == place:
            said.setdefault(fact.message, fact.by)
        elif isinstance(fact, MessagesRead) and fact.conversation == place:
            marks[fact.by] = max(marks[fact.by], list(said).index(fact.message))
    unread = {who: sum(by != who for by in list(said.values())[mark + 1 :]) for who, mark in marks.items()}
    return Told(list(said), unread)


def told(views: Mapping[str, Value], place: ConversationId) -> Told:
    """As views say it: all beyond the mark but one's own."""
    marks = _scores(views, view.marks(place))

    def beyond(key: str, who: UserId) -> int:
        return sum(score > marks.get(who, -1) for score in _scores(views, key).values())

    unread = {who: beyond(view.messages(place), who) - beyond(view.said(place, who), who) for who in MEMBERS}
    return Told(list(_scores(views, view.messages(place))), unread)


def _scores(views: Mapping[str, Value], key: str) -> dict[str, int]:
    found = views.get(key, [])
    assert isinstance(found, list)
    return {member: int(score) for member, score in (each.split() for each in found)}


async def hold(twin: ProjectionsTwin, given: tuple[list[Fact], list[Effects]]) -> None:
    """The laws, after every record: nothing that was read moves, and in the end all is as the log says."""
    history, delivered = given
    before = {place: list[str]() for place in PLACES}
    for effects in delivered:
        await twin.apply([effects])
        views = await twin.views()
        for place in PLACES:
            now = told(views, place).order
            assert now[: len(before[place])] == before[place], "what comes, comes at the end"
            before[place] = now
    views = await twin.views()
    assert {place: told(views, place) for place in PLACES} == {place: expected(history, place) for place in PLACES}


@settings(deadline=None, max_examples=50)  # a busy machine stalls; that is not the law's affair
@given(deliveries())
async def test_order_marks_and_counts_are_the_log_s_however_it_is_delivered(
    given: tuple[list[Fact], list[Effects]],
) -> None:
    await hold(ProjectionsTwin(lambda: a.NOON), given)


class LastMarkWins(ProjectionsTwin):
    """The second device takes back what the first one read."""

    def _do_scores(self, intent: Scored, offset: int) -> None:
        if isinstance(intent, Mark):
            self._scores.get(intent.key, {}).pop(intent.member, None)
        super()._do_scores(intent, offset)


class CopiesMove(ProjectionsTwin):
    """A second copy of a message stands where it came last."""

    def _do_scores(self, intent: Scored, offset: int) -> None:
        if isinstance(intent, Arrive):
            self._scores.get(intent.key, {}).pop(intent.member, None)
        super()._do_scores(intent, offset)


class OrderedById(ProjectionsTwin):
    """Ids of two workers cross: a message comes before one that was read."""

    def _do_scores(self, intent: Scored, offset: int) -> None:
        super()._do_scores(intent, int(intent.member) if isinstance(intent, Arrive) else offset)


# As the law above found each of them, when it was drawn against these stores.
FIRST, SECOND = (talks.message_posted(BEN, MEMBERS, number, conversation=PLACES[0]) for number in (1, 2))
FURTHER, BACK = (talks.conversation_read(ANA, MEMBERS, number, conversation=PLACES[0]) for number in (2, 1))
FOUND: dict[type[ProjectionsTwin], list[Fact]] = {
    LastMarkWins: [FIRST, SECOND, FURTHER, BACK],
    CopiesMove: [FIRST, SECOND, FIRST],
    OrderedById: [SECOND, FIRST],
}


@pytest.mark.parametrize("seeded", FOUND)
async def test_the_laws_find_what_is_seeded(seeded: type[ProjectionsTwin]) -> None:
    history = FOUND[seeded]
    delivered = [Effects(a.an_origin(offset), tuple(changes(fact))) for offset, fact in enumerate(history)]

    await hold(ProjectionsTwin(lambda: a.NOON), (history, delivered))
    with pytest.raises(AssertionError):
        await hold(seeded(lambda: a.NOON), (history, delivered))
