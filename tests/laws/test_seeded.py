"""Whether the machine would notice: every seeded bug breaks a law within a bounded number of plays."""

import asyncio

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.laws.seeded import BUGS, Bug
from tests.laws.stage import Stage
from tests.laws.test_machine import COMMON, on

AT_EVERY_COMMIT = ("block one way", "reveal by a clock that is a second early", "watermark moved by the first chunk")
HUNT = settings(
    max_examples=500, stateful_step_count=50, derandomize=True, phases=(Phase.generate,), report_multiple_bugs=False,
    **COMMON,
)  # fmt: skip


@pytest.fixture
def planted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bug:
    """Before the stage is set; asked for before it, too."""
    bug: Bug = request.param
    bug.plant(monkeypatch)
    return bug


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "planted",
    [pytest.param(bug, id=bug.name, marks=() if bug.name in AT_EVERY_COMMIT else pytest.mark.nightly) for bug in BUGS],
    indirect=True,
)
def test_the_machine_finds(planted: Bug, stage: Stage, loop: asyncio.AbstractEventLoop) -> None:
    machine = on(stage, loop)

    with pytest.raises(AssertionError, match=planted.shows) as found:
        run_state_machine_as_test(machine, settings=HUNT)

    print(f"{planted.name} (law {planted.law}): play {machine.plays}, step {machine.steps}: {str(found.value)[:120]}")
