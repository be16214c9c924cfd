"""The test stack: the real parts on ports of their own, started when the first test asks for them, gone at the end."""

import os
from collections.abc import Iterator

import pytest

from local import control, health, supervision
from local.programs import PARTS, ROOMS
from local.stack import Stack

KEEP = os.environ.get("DARKROOM_KEEP_STACK") == "1"  # leave it up, for quick runs while developing


@pytest.fixture(scope="session")
def parts() -> Iterator[Stack]:
    """Kafka, Valkey, S3 and BigQuery, empty but bootstrapped; the rooms may run beside or not."""
    stack = Stack.named("test")
    if not (KEEP and all(health.healthy(stack, name) for name in PARTS)):
        control.reset(stack)
    try:
        control.up(stack, only_parts=True)
        yield stack
    finally:
        if not KEEP:
            control.down(stack)


@pytest.fixture(scope="session")
def stack(parts: Stack) -> Stack:
    """The whole system. Rooms that a kept stack still runs are started anew: they hold yesterday's code."""
    for name in reversed(ROOMS):
        supervision.stop(parts, name)
    control.start(parts, ROOMS)
    return parts
