"""The room as a process: the official SDK posts to it, and SIGTERM stops it without a loss."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
from segment.analytics.client import Client as SegmentClient

from local.stack import ROOT, Stack
from schemas import events
from schemas.topics import EVENTS
from tests import log
from tests.ports import free_bind
from tests.waiting import eventually

WRITE_KEY = "local-write-key"


@dataclass(frozen=True)
class Served:
    url: str
    process: "subprocess.Popen[bytes]"


@pytest.fixture
def served(parts: Stack) -> Iterator[Served]:
    """`python -m ingest` on a free port."""
    bind = free_bind()
    environment = {**os.environ, **parts.given, "INGEST_BIND": bind}
    process = subprocess.Popen([sys.executable, "-m", "ingest"], cwd=ROOT, env=environment)
    try:
        eventually(lambda: answers(f"http://{bind}/live"), within_s=120)
        yield Served(f"http://{bind}", process)
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def names_of(parts: Stack, person: str) -> list[str]:
    """The events of one person, in the order of the log; once each: an ack that comes late makes a second copy."""
    found = [events.decode(record.value) for record in log.records(parts.settings, EVENTS)]
    mine = [record for record in found if record.key == person]
    return list(dict.fromkeys(events.event_name(event) for record in mine for _, event in events.indexed(record)))


@pytest.mark.parametrize("gzip", [False, True])
def test_the_official_sdk_works_unchanged(served: Served, parts: Stack, *, gzip: bool) -> None:
    person, failed = f"sdk-{uuid4()}", list[object]()
    sdk = SegmentClient(WRITE_KEY, host=served.url, gzip=gzip, on_error=lambda error, _: failed.append(error))

    sdk.identify(person, {"plan": "demo"})
    for number in range(250):
        sdk.track(person, f"E{number}", {"n": number, "text": "ü" * 50})
    sdk.screen(person, "Roll", "Lisbon")
    sdk.shutdown()

    assert failed == []
    assert names_of(parts, person) == ["identify", *(f"E{number}" for number in range(250)), "Lisbon"]


def test_sigterm_finishes_what_is_in_flight(served: Served, parts: Stack) -> None:
    person = f"term-{uuid4()}"

    phone = httpx.Client(base_url=served.url, auth=(WRITE_KEY, ""), timeout=15)

    def post(number: int) -> bool:
        event = {"type": "track", "event": f"E{number}", "userId": person}
        try:
            answer = phone.post("/v1/batch", json={"batch": [event]})
            return answer.is_success and "durability" not in answer.json()  # what is spooled is not in the log yet
        except httpx.TransportError:
            return False

    with phone, ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(post, number) for number in range(400)]
        eventually(lambda: sum(one.done() for one in asked) > 20, within_s=120, every_s=0.01)
        served.process.send_signal(signal.SIGTERM)
        accepted = {f"E{number}" for number, one in enumerate(asked) if one.result()}

    assert served.process.wait(timeout=60) in (0, -signal.SIGTERM)
    assert len(accepted) > 20
    assert accepted <= set(names_of(parts, person))


def test_a_wrong_setting_is_said_and_ends_the_process() -> None:
    environment = {**os.environ, "INGEST_BIND": "nowhere"}

    found = subprocess.run(
        [sys.executable, "-m", "ingest"], cwd=ROOT, env=environment, capture_output=True, check=False
    )

    assert found.returncode == 2
    assert b"INGEST" in found.stderr.upper()
    assert b"host:port" in found.stderr
