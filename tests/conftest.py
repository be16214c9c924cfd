"""The test stack: the real parts on ports of their own, started when the first test asks for them, gone at the end."""

import fcntl
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from local import control, health, supervision
from local.programs import PARTS, ROOMS
from local.stack import SHIFTS, Stack
from tests.valkey import Valkey, running_valkey
from tests.waiting import eventually

NAMES = [name for name in SHIFTS if name.startswith("test")]
FIRST = os.environ.get("DARKROOM_TEST_STACK", "test")  # test1 ... test9: a second run beside the first
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")  # each worker of a run has a stack of its own
NAME = NAMES[NAMES.index(FIRST) + int(WORKER.removeprefix("gw"))]
KEEP = os.environ.get("DARKROOM_KEEP_STACK") == "1"  # leave it up, for quick runs while developing


@pytest.fixture(scope="module", autouse=True)
def no_garbage_of_others() -> Iterator[None]:
    """What a module forgot to close is told at its end, not in a stranger's test, where it breaks `ast.parse`.

    What outlives a module stays: walking all of that again after each of them took minutes.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A Valkey of the module's own, empty, beside the stack's."""
    with running_valkey(Path(tmp_path_factory.mktemp("valkey"))) as server:
        yield server


@pytest.fixture(scope="session")
def parts() -> Iterator[Stack]:
    """Kafka, Valkey, S3 and BigQuery, empty but bootstrapped; the rooms may run beside or not."""
    stack = patient(Stack.named(NAME))
    with ours_alone(stack):
        if not (KEEP and all(health.healthy(stack, name) for name in PARTS)):
            control.reset(stack)
        try:
            control.up(stack, only_parts=True)
            yield stack
        finally:
            if not KEEP:
                control.down(stack)


def patient(stack: Stack) -> Stack:
    """Every test signs in from the same address, and some of them wrongly. A busy machine must not shorten answers."""
    return replace(stack, given={**stack.given, "SIGN_IN_TRIES": "10000", "SHED_ABOVE_MS": "0"})


@contextmanager
def ours_alone(stack: Stack) -> Iterator[None]:
    """Two runs on one stack would wipe each other's data; the lock dies with its process."""
    stack.folder.parent.mkdir(exist_ok=True)
    with stack.folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.exit(f"another test run uses the stack {NAME}; wait for it, or set DARKROOM_TEST_STACK=test1", 4)
        yield


@pytest.fixture(scope="session")
def stack(parts: Stack) -> Stack:
    """The whole system. Rooms that a kept stack still runs are started anew: they hold yesterday's code."""
    for name in reversed(ROOMS):
        supervision.stop(parts, name)
    control.start(parts, ROOMS)
    eventually(lambda: is_complete(parts), within_s=240, every_s=0.5)
    return parts


def is_complete(stack: Stack) -> bool:
    """Whether the views have passed what other tests left in the log; commands are refused until then."""
    return httpx.post(f"{stack.settings.public_url}/v1/accounts", json={}, timeout=30).status_code != 503
