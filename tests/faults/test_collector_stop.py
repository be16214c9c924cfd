"""F2, F3: the collector is told to stop under traffic, or is frozen for a while. Whoever was answered, was answered."""

import asyncio
import signal
import socket
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from secrets import token_hex
from threading import Event, Thread
from typing import Any

import msgspec
import pytest

from bench.traffic import WRITE_KEY, event
from local.stack import Stack
from tests.faults.collecting import Collector, a_collector, accepts, traffic
from tests.faults.ledger import Ledger, balanced, check
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

DRAIN_S = 10
FROZEN_S = 30


class Phone(Thread):
    """Posts batch after batch, each on a connection of its own; notes answers that were cut off."""

    def __init__(self, collector: Collector, number: int) -> None:
        super().__init__(daemon=True)
        self._collector, self._key = collector, f"stop-{token_hex(4)}-{number}"
        self.ledger = Ledger()
        self.over = Event()
        self.broken: list[bytes] = []

    def run(self) -> None:
        """Until `over`. A connection that nobody took was not accepted; one is in the kernel's hands for a while."""
        while not self.over.is_set():
            batch = [event(self._key) for _ in range(5)]
            body = self.ledger.body(self._key, batch)
            answer = b""
            with suppress(OSError), opened(self._collector) as line:
                line.sendall(head(body) + body)
                answer = heard(line)
            status, told = understood(answer)
            if answer and not status:
                self.broken.append(answer)
            self.ledger.answered([one["messageId"] for one in batch], status, told.get("results", []))
            time.sleep(0.02)


def opened(collector: Collector) -> "closing[socket.socket]":
    return closing(socket.create_connection(("127.0.0.1", int(collector.url.rpartition(":")[2])), 20))


def head(body: bytes) -> bytes:
    lines = ("POST /v1/batch HTTP/1.1", "host: localhost", f"x-write-key: {WRITE_KEY}", f"content-length: {len(body)}")
    return "\r\n".join((*lines, "connection: close", "", "")).encode()


def heard(line: socket.socket) -> bytes:
    """All that comes until the end, or until a reset."""
    answer = b""
    with suppress(OSError):
        while piece := line.recv(65536):
            answer += piece
    return answer


def understood(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Status and body; 0 and nothing when the answer is not whole."""
    try:
        return int(answer[9:12]), msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])
    except (ValueError, msgspec.DecodeError):
        return 0, {}


@pytest.mark.parametrize("stops", [1, pytest.param(5, marks=pytest.mark.nightly)])
def test_sigterm_finishes_what_has_begun_and_loses_nothing(parts: Stack, tmp_path: Path, stops: int) -> None:
    with a_collector(parts, tmp_path) as collector:
        ledgers = []
        for _ in range(stops):
            ledgers += stopped_under_traffic(collector)
            collector.start()

    check(parts.settings, together(ledgers))


@pytest.mark.nightly
def test_a_client_that_stalls_holds_the_stop_for_ten_seconds_at_most(parts: Stack, tmp_path: Path) -> None:
    with a_collector(parts, tmp_path) as collector, opened(collector) as line:
        line.sendall(head(b"x" * 1000) + b"half")
        eventually(lambda: collector.metric("requests_total") > 0)
        began = time.monotonic()
        collector.signal(signal.SIGTERM)

        collector.ended(within_s=60)

        assert DRAIN_S - 1 < time.monotonic() - began < 3 * DRAIN_S


@pytest.mark.nightly
async def test_frozen_for_half_a_minute_it_goes_on_and_counts_nothing_twice(parts: Stack, tmp_path: Path) -> None:
    with a_collector(parts, tmp_path) as collector:
        async with traffic(collector) as phones:
            await asyncio.sleep(3)
            collector.signal(signal.SIGSTOP)
            await asyncio.sleep(FROZEN_S)
            collector.signal(signal.SIGCONT)
            await accepts(phones)
            await asyncio.sleep(3)

        await asyncio.to_thread(collector.drained)
        verdict = await asyncio.to_thread(check, parts.settings, phones.ledger)
        assert await asyncio.to_thread(balanced, collector.metric)
    assert phones.ledger.unknown, "nobody gave up: the test showed nothing"
    assert verdict.twice == 0


def stopped_under_traffic(collector: Collector) -> list[Ledger]:
    """It is told to stop while eight phones post and eight others are in the midst of a body. It ends in time."""
    phones = [Phone(collector, number) for number in range(8)]
    for phone in phones:
        phone.start()
    eventually(lambda: all(len(phone.ledger.accepted) > 20 for phone in phones), every_s=0.02)
    with ExitStack() as lines:
        begun = [begin(lines.enter_context(opened(collector)), number) for number in range(8)]
        taken = collector.metric("requests_total")  # it has read their first halves by now: its loop is one queue
        collector.signal(signal.SIGTERM)
        began = time.monotonic()
        ledgers = [finish(*one) for one in begun]
    collector.ended(within_s=60)
    print(f"stopped after {time.monotonic() - began:.2f} s and {taken:.0f} requests")
    assert time.monotonic() - began < 3 * DRAIN_S
    for phone in phones:
        phone.over.set()
        phone.join()
        assert phone.broken == []
    return [*ledgers, *(phone.ledger for phone in phones)]


def begin(line: socket.socket, number: int) -> tuple[socket.socket, Ledger, list[str], bytes]:
    """Half of a batch is sent."""
    ledger, key = Ledger(), f"half-{token_hex(4)}-{number}"
    batch = [event(key) for _ in range(20)]
    body = ledger.body(key, batch)
    line.sendall(head(body) + body[:700])
    return line, ledger, [one["messageId"] for one in batch], body[700:]


def finish(line: socket.socket, ledger: Ledger, ids: list[str], rest: bytes) -> Ledger:
    """The other half; the answer is whole, and it is 200."""
    time.sleep(0.05)
    line.sendall(rest)
    status, told = understood(heard(line))
    assert status == 200
    ledger.answered(ids, status, told["results"])
    return ledger


def together(ledgers: list[Ledger]) -> Ledger:
    """One ledger of several phones."""
    whole = Ledger()
    for one in ledgers:
        whole.accepted |= one.accepted
        whole.unknown |= one.unknown
        whole.digests |= one.digests
        whole.by_key |= one.by_key
    return whole
