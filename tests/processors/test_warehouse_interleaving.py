"""One sink is frozen at each step while another takes over; every row stands exactly once. The controls double rows.

Random kills would not find what these find: each case holds a sink still between two particular requests, lets its
rival do the same work, and thaws it into a world that has moved on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import get_args

import pytest

from local.stack import Stack
from processors.processor import Effects
from processors.stores.warehouse import Step
from processors.stores.warehouse_claims import Claims
from schemas.settings import Settings
from tests.builders import a_track, an_events_record
from tests.processors.warehouses import (
    EVENTS_TOPIC,
    Stand,
    a_stand,
    apply_as_the_loop_does,
    effects_of,
    opened,
    positions,
    settings_of,
)

STEPS: tuple[Step, ...] = get_args(Step)
AT_ONCE = 4  # two cores; each sink holds a thread of the emulator


@dataclass(frozen=True)
class Case:
    """Freeze at `step`, on a partition that has a `predecessor` or none; afterwards who writes on first?"""

    partition: int
    step: Step
    predecessor: bool
    thawed_first: bool


CASES = [Case(0, *each) for each in product(STEPS, (True, False), (True, False))]
FEWER = [CASES[4 * number + number % 4] for number in range(len(STEPS))]  # one of four for each step, in turn


@dataclass(frozen=True)
class Outcome:
    """Rows as (partition, offset, index)."""

    stored: list[tuple[int, int, int]]
    expected: list[tuple[int, int, int]]


class Freezer:
    """Holds whoever awaits it at `step`, the first time only, until thawed."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self.frozen, self.thawed = asyncio.Event(), asyncio.Event()

    async def __call__(self, step: Step) -> None:
        if step == self._step and not self.frozen.is_set():
            self.frozen.set()
            await self.thawed.wait()


class WithoutFence(Claims):
    """A control: trusts that whoever claimed before has stopped writing."""

    async def fence(self, old: Mapping[int, str]) -> None:
        return


class WithoutCompareAndSet(Claims):
    """A control: the last one to claim wins, whatever it had read."""

    async def claim(self, old: Mapping[int, str], stream: str) -> None:
        await self.client.query(
            f"update {self.claims.path} set stream = @stream"
            " where topic = @topic and kafka_partition in unnest(@partitions)",
            topic=self.topic,
            stream=stream,
            partitions=sorted(old),
        )


def a_round(number: int, partition: int) -> list[Effects]:
    """Two records of two events each, behind those of the round before."""
    events = [a_track("opened"), a_track("captured")]
    return [effects_of(an_events_record(events), 2 * number + i, partition) for i in range(2)]


async def play(stand: Stand, case: Case, claims_of: type[Claims] = Claims) -> None:
    """Predecessor, then one sink frozen in the first round and its rival doing it; thaw; a second round by both."""
    freezer = Freezer(case.step)
    frozen, rival = stand.sink(freezer, claims_of), stand.sink(claims_of=claims_of)
    before = stand.sink(claims_of=claims_of)
    async with opened(before, frozen, rival):
        if case.predecessor:
            await apply_as_the_loop_does(before, a_round(0, case.partition))
        first = asyncio.create_task(apply_as_the_loop_does(frozen, a_round(1, case.partition)))
        await freezer.frozen.wait()
        await apply_as_the_loop_does(rival, a_round(1, case.partition))
        freezer.thawed.set()
        await first
        for sink in (frozen, rival) if case.thawed_first else (rival, frozen):
            await apply_as_the_loop_does(sink, a_round(2, case.partition))


async def play_all(settings: Settings, wanted: Sequence[Case], claims_of: type[Claims] = Claims) -> Outcome:
    """All cases side by side, each on a partition of its own: what stands in the table, and what should."""
    cases = [replace(case, partition=partition) for partition, case in enumerate(wanted)]
    async with a_stand(settings, len(cases), topics=(EVENTS_TOPIC,)) as stand:
        await _side_by_side(stand, cases, claims_of)
        return Outcome(await stand.stored(), sorted(row for case in cases for row in _rows_of(case)))


async def _side_by_side(stand: Stand, cases: list[Case], claims_of: type[Claims]) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> None:
        async with slots:
            await play(stand, case, claims_of)

    async with asyncio.TaskGroup() as group:
        for case in cases:
            group.create_task(one(case))


def _rows_of(case: Case) -> list[tuple[int, int, int]]:
    rounds = (0, 1, 2) if case.predecessor else (1, 2)
    return positions([each for number in rounds for each in a_round(number, case.partition)])


async def test_frozen_at_any_step_a_sink_and_its_rival_store_every_row_once(parts: Stack) -> None:
    outcome = await play_all(settings_of(parts), FEWER)

    assert outcome.stored == outcome.expected


@pytest.mark.nightly
@pytest.mark.timeout(900)
async def test_frozen_at_any_step_with_every_before_and_after(parts: Stack) -> None:
    outcome = await play_all(settings_of(parts), CASES)

    assert outcome.stored == outcome.expected


@pytest.mark.parametrize(("without", "step"), [(WithoutFence, "append"), (WithoutCompareAndSet, "claim")])
async def test_without_the_fence_or_the_compare_and_set_rows_double(
    parts: Stack, without: type[Claims], step: Step
) -> None:
    outcome = await play_all(settings_of(parts), [case for case in CASES if case.step == step], without)

    assert set(outcome.stored) == set(outcome.expected)
    assert len(outcome.stored) > len(outcome.expected)
