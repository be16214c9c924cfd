"""What is said in conversations, as its members read it. Who may is asked of members and blocks at every read.

All facts of a conversation are in one partition, so their offsets are the one order that everybody sees; a second copy
of a message, which a retried command may append, changes nothing of its place.
"""

from collections.abc import Iterator

from processors.intents import Arrive, Claim, Include, Mark, Point, Raise, Save, ViewIntent
from schemas import conversations, hashes, projections
from schemas.conversations import Message
from schemas.facts import ConversationFact, ConversationStarted, MessageSent, MessagesRead

Changes = Iterator[ViewIntent]


def changes(fact: ConversationFact) -> Changes:
    """What `fact` does, as intents that may be applied twice."""
    match fact:
        case ConversationStarted(conversation=conversation):
            for member in fact.members:
                yield Include(conversations.members(conversation), member)
            yield Raise(conversations.inbox(fact.by), conversation, conversations.moment(fact.at))
            yield Claim(projections.entity(fact.id), conversation)  # of two that were opened at once one is meant
        case MessageSent():
            yield from _posted(fact)
        case MessagesRead(conversation=conversation, by=reader, message=message):
            yield Mark(conversations.marks(conversation), reader, conversations.messages(conversation), message)


def _posted(fact: MessageSent) -> Changes:
    conversation, message = fact.conversation, fact.message
    said = Message(author=fact.by, text=fact.personal.text, posted_at=fact.at)
    yield Save(conversations.message(conversation, message), hashes.fields(said))
    yield Arrive(conversations.messages(conversation), message)
    yield Arrive(conversations.said(conversation, fact.by), message)
    for member in fact.members:
        yield Raise(conversations.inbox(member), conversation, conversations.moment(fact.at))
    yield Point(projections.entity(fact.id), message)
