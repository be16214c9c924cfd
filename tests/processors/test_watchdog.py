"""What ends a process that has stopped working, each in a process of its own: the real thing exits."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from processors.drain import BROKEN, UNDRAINED
from processors.watchdog import Watchdog

ROOT = Path(__file__).parents[2]


def ended(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )


def test_a_blocked_event_loop_is_shown_and_ended() -> None:
    program = "import time; from processors.watchdog import Heart; Heart(0.3).start(); time.sleep(20)"

    found = ended(program)

    assert found.returncode == BROKEN
    assert "time.sleep" not in found.stdout
    assert 'File "<string>", line 1' in found.stderr  # where it was


def test_a_heart_that_beats_or_is_stopped_lives() -> None:
    beating = "import time; from processors.watchdog import Heart; h = Heart(0.5); h.start()\n"
    beating += "for _ in range(10): time.sleep(0.1); h.beat()\nh.stop(); time.sleep(1)"

    assert ended(beating).returncode == 0


def test_a_shutdown_that_takes_too_long_ends_at_once() -> None:
    program = "import time; from processors.drain import Deadline; Deadline(0.2).start(); time.sleep(20)"

    assert ended(program).returncode == UNDRAINED


def test_a_shutdown_in_time_ends_by_itself() -> None:
    program = (
        "import time; from processors.drain import Deadline; d = Deadline(0.3); d.start(); d.met(); time.sleep(0.6)"
    )

    assert ended(program).returncode == 0


class Left(Exception):
    """Instead of the end of the process."""


def leave(code: int, why: str) -> Any:
    raise Left(code, why)


class Consumer:
    """What the watchdog sees of Faust's: one partition, what is read of it, what is committed, and a parked error."""

    def __init__(self, end: int = 10, read: int = 10, parked: Exception | None = None) -> None:
        self._committed_offset = {("facts.v1", 0): 5}
        self._acked: dict[tuple[str, int], list[int]] = {("facts.v1", 0): []}
        self.unacked: set[int] = set()
        self._parked = parked
        state = SimpleNamespace(has_valid_position=True, highwater=end, position=read)
        assignment = SimpleNamespace(state_value=lambda tp: state)
        inner = SimpleNamespace(
            _coordinator=SimpleNamespace(check_errors=self._check),
            _subscription=SimpleNamespace(subscription=SimpleNamespace(assignment=assignment)),
        )
        self._thread = SimpleNamespace(call_thread=self._call, _consumer=inner)

    def assignment(self) -> set[tuple[str, int]]:
        return set(self._committed_offset)

    def commit(self, offset: int) -> None:
        self._committed_offset["facts.v1", 0] = offset

    def hold(self, offset: int) -> None:
        """A record that was taken and is not finished."""
        self.unacked.add(offset)

    def finish_without_commit(self, offset: int) -> None:
        self._acked["facts.v1", 0].append(offset)

    def _check(self) -> None:
        if self._parked:
            raise self._parked

    async def _call(self, function: Any) -> None:
        await function()


def a_watchdog(consumer: Consumer, turned_at: float = 0.0) -> Watchdog:
    app = SimpleNamespace(consumer=consumer)
    return Watchdog(app, "views", lambda: turned_at, stuck_s=0.05, leave=leave)


@pytest.mark.parametrize("what", ["unread", "unfinished", "uncommitted"])
async def test_work_without_progress_ends_the_process(what: str) -> None:
    consumer = Consumer(read=7 if what == "unread" else 10)
    if what == "unfinished":
        consumer.hold(7)
    if what == "uncommitted":
        consumer.finish_without_commit(7)
    watchdog = a_watchdog(consumer)
    await watchdog.look()
    time.sleep(0.1)  # noqa: ASYNC251 - nothing else runs here

    with pytest.raises(Left, match="no progress"):
        await watchdog.look()


@pytest.mark.parametrize("kept_alive_by", ["a commit", "nothing to do", "a turn of the retry loop"])
async def test_progress_of_any_kind_does_not(kept_alive_by: str) -> None:
    consumer = Consumer(read=10 if kept_alive_by == "nothing to do" else 7)
    watchdog = a_watchdog(consumer, time.monotonic() + 10 if kept_alive_by == "a turn of the retry loop" else 0.0)

    for offset in range(3):
        if kept_alive_by == "a commit":
            consumer.commit(6 + offset)
        await watchdog.look()
        time.sleep(0.1)  # noqa: ASYNC251 - nothing else runs here


async def test_an_error_that_the_group_coordinator_parked_ends_the_process() -> None:
    with pytest.raises(Left, match="coordinator"):
        await a_watchdog(Consumer(parked=RuntimeError("not authorised"))).look()
