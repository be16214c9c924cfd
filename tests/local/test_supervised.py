"""supervisord for real, with a small program instead of a part."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local import supervision
from local.programs import Program
from local.stack import Stack
from tests.waiting import eventually

HAS_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
KAFKA = Program("kafka", (sys.executable, "-c", HAS_A_CHILD), stop_s=5)
DEAF = Program(
    "ingest",
    (sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf'); time.sleep(600)"),
    stop_s=1,
)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack("test", {}, tmp_path)
    for folder in (stack.data, stack.log, stack.run):
        folder.mkdir()
    supervision.boot(stack, [KAFKA, DEAF])
    yield stack
    supervision.shutdown(stack)


def a_pid(stack: Stack, name: str) -> int:
    return eventually(lambda: supervision.pid(stack, name))


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_what_is_killed_is_started_again(stack: Stack) -> None:
    supervision.start(stack, "kafka")
    first = a_pid(stack, "kafka")

    os.kill(first, signal.SIGKILL)

    assert eventually(lambda: supervision.pid(stack, "kafka") not in {0, first})


def test_what_is_stopped_stays_stopped_and_twice_is_once(stack: Stack) -> None:
    supervision.start(stack, "kafka")
    supervision.start(stack, "kafka")
    child = eventually(lambda: psutil.Process(a_pid(stack, "kafka")).children())[0]

    supervision.stop(stack, "kafka")
    supervision.stop(stack, "kafka")

    assert supervision.statuses(stack)["kafka"].state == "STOPPED"
    assert eventually(lambda: has_ended(child))


def test_down_leaves_no_process_even_of_a_program_that_does_not_listen(stack: Stack) -> None:
    supervision.start(stack, "kafka")
    supervision.start(stack, "ingest")
    eventually(lambda: "deaf" in (stack.log / "ingest.log").read_text())
    eventually(lambda: psutil.Process(a_pid(stack, "kafka")).children())
    assert len(supervision.marked(stack)) == 4  # the supervisor, two programs, one child

    supervision.shutdown(stack)

    assert supervision.marked(stack) == []
    assert not supervision.running(stack)


def test_down_finds_what_a_killed_supervisor_has_orphaned(stack: Stack) -> None:
    supervision.start(stack, "kafka")
    eventually(lambda: psutil.Process(a_pid(stack, "kafka")).children())
    os.kill(int((stack.run / "supervisord.pid").read_text()), signal.SIGKILL)
    eventually(lambda: not supervision.running(stack))

    supervision.shutdown(stack)

    assert supervision.marked(stack) == []


def test_booting_again_touches_nothing_unless_a_setting_has_changed(stack: Stack) -> None:
    supervision.start(stack, "kafka")
    before = a_pid(stack, "kafka")

    supervision.boot(stack, [KAFKA, DEAF])
    assert supervision.pid(stack, "kafka") == before

    changed = Stack("test", {"S3_BUCKET": "another"}, stack.folder)
    supervision.boot(changed, [KAFKA, DEAF])
    assert supervision.statuses(changed)["kafka"].state == "STOPPED"


def test_a_stack_that_is_down_has_no_statuses(tmp_path: Path) -> None:
    assert supervision.statuses(Stack("test", {}, tmp_path)) == {}
