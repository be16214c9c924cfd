"""Conversations as views: one order, marks that only go further, lists in the bucket of whoever reads them."""

from processors.intents import Arrive, Claim, Include, Mark, Point, Raise, Save
from processors.rules.views import changes
from schemas import conversations as view
from schemas import hashes, projections
from schemas.conversations import Message
from tests import builders as a
from tests import talks

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
