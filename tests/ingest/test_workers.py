"""Several workers behind one port: one dies or all are replaced, and nobody is refused; what they count adds up."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from bench.traffic import WRITE_KEY, event
from local.stack import ROOT, Stack
from schemas import events
from schemas.topics import EVENTS
from tests import log
from tests.ports import free_bind
from tests.waiting import eventually

WORKERS = 3
START_S = 60  # each worker imports everything anew, on a busy machine


@dataclass(frozen=True)
class Collectors:
    """A parent with its workers."""

    url: str
    parent: psutil.Process

    def workers(self) -> set[int]:
        return {child.pid for child in self.parent.children() if _is_worker(child)}

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/live").status_code == 200
        except httpx.TransportError:
            return False

    def sums(self) -> dict[str, float]:
        """What all workers counted: events by what became of them."""
        found: dict[str, float] = {}
        for line in httpx.get(f"{self.url}/metrics").text.splitlines():
            name, _, value = line.partition(" ")
            if name.startswith("events_"):
                kind = name.removeprefix("events_").partition("_")[0]
                found[kind] = found.get(kind, 0) + float(value)
        return found


def post(url: str, *sent: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{url}/v1/batch", json={"batch": sent}, auth=(WRITE_KEY, ""), timeout=15)


def _is_worker(child: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:  # gone, or not yet buried
        return False


@dataclass
class Phone:
    """Posts events one after the other, on a new connection each, until it is told to stop; retries what broke off."""

    url: str
    person: str
    accepted: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stop.is_set():
            sent = event(self.person)
            try:
                answer = post(self.url, sent)
            except httpx.TransportError as error:
                self.other.append(type(error).__name__)
                continue
            if answer.status_code == 200:
                self.accepted.append(sent["messageId"])
            else:
                self.other.append(str(answer.status_code))


@contextmanager
def started(parts: Stack, bind: str, folder: Path) -> Iterator[Collectors]:
    given = {"INGEST_BIND": bind, "INGEST_WORKERS": str(WORKERS), "SPOOL_DIR": str(folder)}
    parent = subprocess.Popen([sys.executable, "-m", "ingest"], cwd=ROOT, env={**os.environ, **parts.given, **given})
    running = Collectors(f"http://{bind}", psutil.Process(parent.pid))
    try:
        eventually(lambda: running.answers() and len(running.workers()) == WORKERS, within_s=START_S)
        yield running
    finally:
        left = [psutil.Process(pid) for pid in running.workers()] if parent.poll() is None else []
        parent.kill()
        parent.wait()
        for worker in left:
            worker.kill()


@pytest.fixture(scope="module")
def collectors(parts: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collectors]:
    with started(parts, free_bind(), tmp_path_factory.mktemp("spool")) as running:
        yield running


@contextmanager
def posting(url: str, people: int = 2) -> Iterator[list[Phone]]:
    """Phones that post while the body runs."""
    phones = [Phone(url, f"w-{uuid4()}") for _ in range(people)]
    threads = [threading.Thread(target=phone.run) for phone in phones]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: all(len(phone.accepted) > 5 for phone in phones))
        yield phones
    finally:
        for phone in phones:
            phone.stop.set()
        for thread in threads:
            thread.join()


def logged(parts: Stack, phone: Phone) -> list[str]:
    found = [events.decode(record.value) for record in log.records(parts.settings, EVENTS)]
    mine = [envelope for envelope in found if envelope.key == phone.person]
    return [events.event_id(envelope, index, raw) for envelope in mine for index, raw in events.indexed(envelope)]


def further(phones: list[Phone]) -> Callable[[], bool]:
    """Whether everybody got an answer since."""
    before = [len(phone.accepted) for phone in phones]
    return lambda: all(len(phone.accepted) > count + 5 for phone, count in zip(phones, before, strict=True))


@pytest.mark.nightly  # half a minute; at every commit workers are replaced and end with their parent
def test_a_killed_worker_is_replaced_and_what_was_accepted_is_kept(collectors: Collectors, parts: Stack) -> None:
    with posting(collectors.url) as phones:
        victim = min(collectors.workers())
        os.kill(victim, signal.SIGKILL)
        eventually(
            lambda: victim not in collectors.workers() and len(collectors.workers()) == WORKERS, within_s=START_S
        )
        eventually(further(phones))

    for phone in phones:
        assert set(phone.accepted) <= set(logged(parts, phone))


def test_replacing_the_workers_one_by_one_refuses_nobody(collectors: Collectors, parts: Stack) -> None:
    before = collectors.workers()
    with posting(collectors.url) as phones:
        collectors.parent.send_signal(signal.SIGHUP)
        eventually(lambda: not before & collectors.workers(), within_s=3 * START_S)
        eventually(further(phones))

    for phone in phones:
        assert phone.other == []
        assert set(phone.accepted) == set(logged(parts, phone))


def test_what_the_workers_count_adds_up_to_the_event(collectors: Collectors) -> None:
    good, bad = event(f"w-{uuid4()}"), {"type": "track", "userId": "u", "event": "x" * 201}
    before = collectors.sums()
    with posting(collectors.url, people=4) as phones:
        mixed = [
            httpx.post(f"{collectors.url}/v1/batch", json={"batch": [good, bad]}, auth=(WRITE_KEY, "")) for _ in "123"
        ]
    assert [answer.status_code for answer in mixed] == [200] * 3
    sent = sum(len(phone.accepted) for phone in phones)

    after = collectors.sums()
    counted = {kind: after.get(kind, 0) - before.get(kind, 0) for kind in ("received", "stored", "rejected", "spooled")}
    assert counted["received"] == sent + 2 * 3
    assert counted["rejected"] == 3
    assert counted["received"] == counted["stored"] + counted["rejected"] + counted["spooled"]


def test_workers_end_with_a_parent_that_was_killed(parts: Stack, tmp_path: Path) -> None:
    bind = free_bind()
    with started(parts, bind, tmp_path) as running:
        workers = [psutil.Process(pid) for pid in running.workers()]
        running.parent.kill()

        _, alive = psutil.wait_procs(workers, timeout=START_S)
        assert alive == []

    with started(parts, bind, tmp_path) as again:
        assert again.answers()
