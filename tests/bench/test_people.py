"""A small community on the running stack: what it says it did stands in the log, once, however often it is lived."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from secrets import randbelow

import pytest

from bench.people import live
from bench.simulation import Lived
from local.stack import Stack
from schemas import events, facts
from schemas.topics import EVENTS, FACTS
from tests import log
from tests.waiting import eventually

pytestmark = pytest.mark.nightly  # half a minute of passwords and photographs

DAY, USERS = date(2026, 10, 5), 6


@pytest.fixture
def seed(stack: Stack) -> Iterator[int]:
    """One that nobody has used on this stack."""
    seed = 1_000 + randbelow(1_000_000)
    yield seed
    for file in states(stack, seed):
        file.unlink()


def states(stack: Stack, seed: int) -> list[Path]:
    return list(stack.data.glob(f"people-{seed}-*"))


def logged_facts(stack: Stack, lived: Lived) -> set[str]:
    """What these people did; follows by their pairs, since to follow again is another fact that changes nothing."""
    theirs = {member.user for member in lived.members.values()}
    decoded = (facts.decode(record.value) for record in log.records(stack.settings, FACTS))
    return {_name(fact) for fact in decoded if fact.by in theirs}


def _name(fact: facts.Fact) -> str:
    return f"{fact.by} follows {fact.whom}" if isinstance(fact, facts.UserFollowed) else str(fact.id)


def logged_events(stack: Stack, lived: Lived) -> Counter[str]:
    theirs = {member.user for member in lived.members.values()}
    read = (events.decode(record.value) for record in log.records(stack.settings, EVENTS))
    mine = (found for found in read if found.key in theirs)
    return Counter(event.message_id or "" for found in mine for _, event in events.indexed(found))


def developed(stack: Stack, lived: Lived) -> set[str]:
    """All of it, once the photos are developed, each of which is a fact, too; nothing before that."""
    done = [facts.decode(record.value) for record in log.records(stack.settings, FACTS)]
    ready = {fact.photo for fact in done if isinstance(fact, facts.PhotoDeveloped)}
    return logged_facts(stack, lived) if {photo for _, photo in lived.photos} <= ready else set()


async def test_a_day_that_is_lived_again_counts_once(stack: Stack, seed: int) -> None:
    lived = await live(stack, seed=seed, users=USERS, first=DAY, days=1)
    done = eventually(lambda: developed(stack, lived), within_s=90, every_s=1)
    told = logged_events(stack, lived)
    assert lived.told["events"] == told.total() == len(told)
    assert not {what for what in lived.told if what.startswith("refused")}

    for file in states(stack, seed):
        file.unlink()  # as if it had been interrupted before the day was over
    again = await live(stack, seed=seed, users=USERS, first=DAY, days=1)

    assert again.members.keys() == lived.members.keys()
    assert logged_facts(stack, again) == done
    assert logged_events(stack, again).keys() == told.keys()


async def test_what_is_done_is_not_done_again(stack: Stack, seed: int) -> None:
    lived = await live(stack, seed=seed, users=2, first=DAY, days=1)
    told = logged_events(stack, lived)

    assert await live(stack, seed=seed, users=2, first=DAY, days=1) == lived
    assert logged_events(stack, lived) == told
