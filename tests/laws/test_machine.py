"""The laws of `views.md`, tried by random plays: a few dozen at every commit, at least 500 of 50 steps nightly.

| law | where it is looked at |
|---|---|
| 1 sealed before the reveal | `looks.photo`, `_cards`: every item's state and members; counts in `person`, `roll` |
| 2 atomic per roll, 3 no job | `time_passes` alone changes answers, to the millisecond; nothing else runs then |
| 4 the reveal is fixed | every item's `revealed_at` is the captured one; DST, travel: `tests/ingest/test_reveal.py` |
| 5 spoiled, 6 deleted, 7 delete wins | `spoil`, `delete`, and `develop` after either, twice too |
| 8 takedown | `take_down`, `report`, `suspend`; moderators see `looks.moderated`, all others as if it were deleted |
| 40 erasure, as far as reads go | `erase`; late facts of theirs change nothing, nor does a second registration |
| 9 block, 10 mute, 11 private | `block`, `mute`, `privacy`; a mute changes nothing but one's own feed |
| 12 unfollow, 13 backfill, 14 follow again | `follow`, `unfollow`, `remove_follower`, `answer`, `feeds` behind or not |
| 15 leaving a roll | `leave` |
| 16 newest, no duplicate, in order | `looks.home`, `looks.lists`; beyond the cap of a feed: `short_feeds` |
| 17 redelivery | `thaw`: watermarks never go back; and every later look |
| 18 partition order | `catch_up` in any order, `replay` |
| 19 replay from zero | `replay`; whole answers in `test_community.py` |
| 20 a lost feed, 21 never empty because cold | `lose_feed`, `tend`, then every look |
| 22 push = pull = hybrid | `pull_above` changes amid a play |
| 23 walks during writes, 25 and back | `walk`, `turn`, `turn_back` |
| 24 cursors survive | `replay` and `restart_api` amid walks |
| 26 shedding | `look_under_load` |
| 28 ranks | `walk_ranks`; weights and sessions: `tests/api/test_ranking.py`, `test_for_you.py` |
| 27 own writes | a write that is not late is looked at by its author at once |
| 29 ids | order of every page by reveal; unique ids: `tests/ingest/test_leases.py` |
| 43 no cross-slot command | the server is a cluster's node (`conftest.py`): it refuses such a command |

    LAWS_RUNS=2000 LAWS_SEED=7 pytest -m nightly -s tests/laws/test_machine.py

A failing play is not made smaller at every commit, which takes minutes; nightly it is.
"""

import asyncio
import os
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.laws.machine import Play
from tests.laws.stage import Stage
from tests.laws.twin_stage import TwinStage

RUNS = int(os.environ.get("LAWS_RUNS", "500"))
COMMON: dict[str, Any] = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
FEW = settings(max_examples=16, stateful_step_count=30, derandomize=True, phases=(Phase.generate,), **COMMON)
MANY = settings(max_examples=RUNS, stateful_step_count=50, phases=(Phase.generate, Phase.shrink), **COMMON)


def on(stage: Stage, loop: asyncio.AbstractEventLoop, *, is_thorough: bool = True) -> type[Play]:
    """The machine, on this stage."""
    return type("Play", (Play,), {"stage": stage, "loop": loop, "is_thorough": is_thorough, "plays": 0, "steps": 0})


@pytest.mark.parametrize("stage", [Stage, TwinStage], indirect=True)
def test_a_few_plays_keep_the_laws(stage: Stage, loop: asyncio.AbstractEventLoop) -> None:
    run_state_machine_as_test(on(stage, loop, is_thorough=False), settings=FEW)


@pytest.mark.usefixtures("short_feeds")
def test_a_few_plays_keep_the_laws_beyond_the_cap_of_a_feed(stage: Stage, loop: asyncio.AbstractEventLoop) -> None:
    run_state_machine_as_test(on(stage, loop, is_thorough=False), settings=FEW)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("short_feeds")
def test_hundreds_of_plays_keep_the_laws_beyond_the_cap_of_a_feed(
    stage: Stage, loop: asyncio.AbstractEventLoop
) -> None:
    plays(stage, loop)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_hundreds_of_plays_keep_the_laws(stage: Stage, loop: asyncio.AbstractEventLoop) -> None:
    plays(stage, loop)


def plays(stage: Stage, loop: asyncio.AbstractEventLoop) -> None:
    """Many, from a seed that is told."""
    machine, drawn = on(stage, loop), int(os.environ.get("LAWS_SEED", time.time_ns() % 1_000_000))
    print(f"LAWS_SEED={drawn}")
    run_state_machine_as_test(seed(drawn)(machine), settings=MANY)
    print(f"{machine.plays} plays, {machine.steps} things done and looks taken")
