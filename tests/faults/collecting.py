"""The collector as a process of its own: it can be killed, starved and stopped, and nothing else of the stack is."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from local import health, supervision
from local.stack import ROOT, Stack
from tests.faults.phones import Phones
from tests.waiting import eventually

START_S = 120  # every module anew, beside other tests on two cores

Limits = Mapping[int, int]  # resource.RLIMIT_* -> what the process may have


@dataclass
class Collector:
    """Starts on the same port and spool again, however often it was killed."""

    environment: Mapping[str, str]
    url: str
    spool: Path
    log: Path
    module: str = "ingest"
    limits: Limits = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)  # further variables of the next start
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        """Of the process that runs, or ran last."""
        assert self._process is not None, "it was never started"
        return self._process.pid

    def start(self) -> float:
        """Returns when it answers; how many seconds that took."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=ROOT, env={**self.environment, **self.own}, stdout=log, stderr=log,
            )  # fmt: skip
        self._limit(self._process.pid)
        eventually(self.live, within_s=START_S, every_s=0.02)
        return time.monotonic() - began

    def _limit(self, process: int) -> None:
        """From outside: a hook between fork and exec runs beside gRPC's threads, and may end the child."""
        for which, most in self.limits.items():
            resource.prlimit(process, which, (most, most))

    def live(self) -> bool:
        """Whether it answers at all."""
        assert self._process is not None
        assert self._process.poll() is None, f"it ended with {self._process.returncode}; {self.said()}"
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/live", timeout=2).is_success
        return False

    def signal(self, number: int) -> None:
        """To this process and no other."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """-9, and gone; a process that was stopped too."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def ended(self, within_s: float) -> int:
        """The code with which it ends by itself."""
        assert self._process is not None
        return self._process.wait(within_s)

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-4000:]

    def metric(self, name: str) -> float:
        """The sum of a metric's series."""
        text = httpx.get(f"{self.url}/metrics", timeout=10).text
        found = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(sample.value for sample in found if sample.name == name)

    def ready(self) -> bool:
        """Whether it says that it can store an event."""
        return httpx.get(f"{self.url}/ready", timeout=10).is_success

    def spooled(self) -> list[Path]:
        """Segments that still hold something for Kafka."""
        return list(self.spool.glob("*/*.spool"))

    def drained(self, within_s: float = 60) -> None:
        """Waits until nothing is left for Kafka."""
        eventually(lambda: self.spooled() == [], within_s=within_s)


@contextmanager
def a_collector(
    stack: Stack,
    folder: Path,
    settings: Mapping[str, object] | None = None,
    *,
    module: str = "ingest",
    limits: Limits | None = None,
) -> Iterator[Collector]:
    """Runs, with the stack's settings but for those given here; its spool and log lie in `folder`."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        bind = f"127.0.0.1:{probe.getsockname()[1]}"
    own = {"INGEST_BIND": bind, "SPOOL_DIR": str(folder / "spool"), "INGEST_WORKERS": "1"}
    given = {name.upper(): str(value) for name, value in (settings or {}).items()}
    made = Collector({**stack.env(), **own, **given}, f"http://{bind}", folder / "spool", folder / "log", module)
    made.limits = limits or {}
    try:
        made.start()
        yield made
    finally:
        made.kill()


@asynccontextmanager
async def traffic(collector: Collector, per_second: float = 40) -> AsyncIterator[Phones]:
    """Phones post while the body runs; afterwards everything is answered."""
    phones, done = Phones(int(collector.url.rpartition(":")[2])), asyncio.Event()
    posting = asyncio.create_task(phones.post(per_second, done.is_set))
    try:
        yield phones
    finally:
        done.set()
        await posting


async def accepts(phones: Phones) -> None:
    """Another batch or two are taken."""
    before = len(phones.ledger.accepted)
    await asyncio.to_thread(eventually, lambda: len(phones.ledger.accepted) > before + 2 * phones.size, every_s=0.05)


def kill_broker(stack: Stack) -> None:
    """-9, and gone; the supervisor starts it again at once, and it answers some seconds later."""
    before = supervision.pid(stack, "kafka")
    os.kill(before, signal.SIGKILL)
    eventually(lambda: supervision.pid(stack, "kafka") != before, every_s=0.02)


@asynccontextmanager
async def broker_away(stack: Stack) -> AsyncIterator[None]:
    """Killed and kept down; at the end it answers again."""
    await asyncio.to_thread(kill_broker, stack)
    await asyncio.to_thread(supervision.stop, stack, "kafka")
    try:
        yield
    finally:
        supervision.start(stack, "kafka")
        await asyncio.to_thread(await_broker, stack)


def await_broker(stack: Stack) -> None:
    """It answers, and every partition that it had is led again."""
    eventually(lambda: health.healthy(stack, "kafka"), within_s=90, every_s=0.5)
