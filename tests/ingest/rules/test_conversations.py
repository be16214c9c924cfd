import unicodedata

import pytest

from ingest.rules import conversations as rules
from ingest.rules.conversations import Mark, OpenConversation, PostMessage, Talk
from schemas import facts
from schemas.conversations import MAX_OTHERS
from schemas.facts import ConversationStarted, MessageSent, MessagesRead
from schemas.ids import UserId
from schemas.problems import Refused
from tests import talks
from tests.builders import NOON, a_fact_id, a_user

ANA, BEN, CLEO = a_user("ana"), a_user("ben"), a_user("cleo")
TALK = talks.a_conversation(ANA, BEN)
MESSAGE = talks.a_message(TALK)
PAIR, GROUP = frozenset({ANA, BEN}), frozenset({ANA, BEN, CLEO})
MANY = [a_user(f"user {n}") for n in range(MAX_OTHERS + 1)]


def members(*recipients: UserId) -> tuple[UserId, ...] | Refused:
    return rules.members(OpenConversation(recipients=list(recipients)), ANA)


def opened(known: set[UserId], hidden: set[UserId]) -> ConversationStarted | Refused:
    return rules.decide_opening((ANA, BEN), known, hidden, conversation=TALK, id=a_fact_id(), by=ANA, at=NOON)


def posted(known: Talk, text: str = "Fog!", by: UserId = ANA) -> MessageSent | Refused:
    command = PostMessage(text=text)
    return rules.decide_message(command, known, conversation=TALK, message=MESSAGE, id=a_fact_id(), by=by, at=NOON)


def read(known: Talk, mark: Mark, by: UserId = ANA) -> MessagesRead | Refused | None:
    return rules.decide_reading(known, mark, conversation=TALK, message=MESSAGE, id=a_fact_id(), by=by, at=NOON)


def code(found: object) -> str:
    assert isinstance(found, Refused)
    return found.code


def test_the_same_people_are_the_same_members_however_they_are_named() -> None:
    found = members(BEN, CLEO)

    assert found == members(CLEO, ANA, BEN, BEN) == tuple(sorted((ANA, BEN, CLEO), key=int))


def test_nobody_speaks_to_themselves_alone_nor_to_everybody() -> None:
    assert [code(members()), code(members(ANA)), code(members(ANA, ANA))] == ["bad_recipient"] * 3
    assert len(members(*MANY[:MAX_OTHERS])) == MAX_OTHERS + 1  # type: ignore[arg-type]
    assert code(members(*MANY)) == code(members(ANA, *MANY)) == code(members(*[BEN] * 10_000)) == "too_many"


def test_a_conversation_needs_people_whom_one_sees() -> None:
    found = opened({ANA, BEN}, set())

    assert isinstance(found, ConversationStarted)
    assert (facts.aggregate(found), found.members) == (TALK, (ANA, BEN))
    assert code(opened({ANA}, set())) == code(opened({ANA, BEN}, {BEN})) == "not_found"


def test_a_member_says_something_to_all_of_them() -> None:
    found = posted(Talk(GROUP), "<b>cafe\u0301</b>\u202e")

    assert isinstance(found, MessageSent)
    assert facts.aggregate(found) == TALK
    assert set(found.members) == GROUP
    assert found.personal.text == unicodedata.normalize("NFC", "<b>cafe\u0301</b>\u202e")


@pytest.mark.parametrize("by", [ANA, BEN], ids=["who blocks", "who is blocked"])
def test_a_block_stops_two_people_and_no_group(by: UserId) -> None:
    (other,) = PAIR - {by}

    assert code(posted(Talk(PAIR, frozenset({other})), by=by)) == "forbidden"
    assert isinstance(posted(Talk(GROUP, frozenset({other})), by=by), MessageSent)


def test_to_strangers_there_is_no_conversation_whatever_they_say() -> None:
    assert code(posted(Talk(PAIR), "", CLEO)) == code(posted(Talk(frozenset()))) == "not_found"
    assert code(read(Talk(PAIR), Mark(7, None), CLEO)) == "not_found"


def test_what_says_nothing_or_does_not_end_is_no_message() -> None:
    assert code(posted(Talk(PAIR), "\u200b")) == "empty_text"
    assert code(posted(Talk(PAIR), "x" * 10_001)) == "text_too_long"


def test_a_mark_names_a_message_and_only_goes_further() -> None:
    found = read(Talk(PAIR), Mark(7, 6))

    assert isinstance(found, MessagesRead)
    assert (found.message, found.by) == (MESSAGE, ANA)
    assert isinstance(read(Talk(PAIR), Mark(0, None)), MessagesRead), "the log begins with 0"
    assert read(Talk(PAIR), Mark(7, 7)) is read(Talk(PAIR), Mark(7, 8)) is None
    assert code(read(Talk(PAIR), Mark(None, 8))) == "not_found"
    assert code(read(Talk(PAIR, frozenset({BEN})), Mark(7, 6))) == "not_found"
