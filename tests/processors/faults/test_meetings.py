"""Two workers at once, on two partitions or on one: they may meet at any step."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.processor import Effects
from schemas.facts import Fact, PhotoDeleted
from tests import builders as a
from tests.processors.histories import PEOPLE, History, histories, logged
from tests.processors.worlds import Stepped, World, an_empty, expected_feeds, side_by_side
from tests.valkey import Servers

ANA, BEN, _, _ = PEOPLE
EXAMPLES = settings(max_examples=40, deadline=None)  # 40 of each law take seconds


@EXAMPLES
@given(histories, st.lists(st.booleans(), min_size=10, max_size=200))
async def test_workers_of_two_partitions_may_meet_at_any_step(
    server: Servers, history: History, turns: list[bool]
) -> None:
    effects = logged(history, "feeds")
    mine, theirs = [[e for e in effects if (e.origin.partition == 0) is side] for side in (True, False)]
    async with an_empty(server) as world:
        await side_by_side(world, mine, theirs, turns)

        await _nothing_is_missing(world, history, effects)


@EXAMPLES
@given(st.data(), histories, st.lists(st.booleans(), min_size=10, max_size=200))
async def test_a_worker_may_thaw_in_the_middle_of_a_record(
    server: Servers, data: st.DataObject, history: History, turns: list[bool]
) -> None:
    effects = logged(history, "feeds")
    taken = data.draw(st.integers(0, len(effects)))
    late, again = effects[taken:], effects[data.draw(st.integers(0, taken)) :]
    async with an_empty(server) as world:
        await (await world.worker()).apply(effects[:taken])
        await side_by_side(world, late, again, turns)

        await _nothing_is_missing(world, history, effects)


COMES, PHOTO, LEAVES = a.user_followed(BEN, ANA), a.photo_developed(ANA), a.user_unfollowed(BEN, ANA)
MEETINGS: dict[str, tuple[History, Fact, Fact]] = {
    "a photo in the middle of a follow": ([], COMES, PHOTO),
    "a follow in the middle of a photo": ([], PHOTO, COMES),
    "leaving in the middle of a photo": ([COMES], PHOTO, LEAVES),
    "a photo in the middle of leaving": ([COMES], LEAVES, PHOTO),
}


@pytest.mark.parametrize("steps", range(7))
@pytest.mark.parametrize("meeting", MEETINGS)
async def test_two_records_that_meet_come_out_right_at_every_step(server: Servers, meeting: str, steps: int) -> None:
    before, slow, fast = MEETINGS[meeting]
    effects = logged([a.user_registered(ANA), a.user_registered(BEN, "ben"), *before, slow, fast], "feeds")
    async with an_empty(server) as world:
        worker, late = await world.worker(), await world.worker(kind=Stepped)
        await worker.apply(effects[:-2])
        at_work = asyncio.create_task(late.apply(effects[-2:-1]))
        await late.steps(at_work, steps)

        await worker.apply(effects[-1:])
        await late.steps(at_work, 10)

        await at_work
        assert await world.feeds() == await expected_feeds(effects)


async def _nothing_is_missing(world: World, history: History, effects: Sequence[Effects]) -> None:
    """What is too much was taken back by its author, which its card says to every reader."""
    found, wanted = await world.feeds(), await expected_feeds(effects)
    gone = {fact.photo for fact in history if isinstance(fact, PhotoDeleted)}
    missing = {user: set(wanted[user]) - set(found[user]) for user in PEOPLE}
    extra = {user: set(found[user]) - set(wanted[user]) - gone for user in PEOPLE}
    assert (missing, extra) == ({user: set() for user in PEOPLE}, {user: set() for user in PEOPLE})
