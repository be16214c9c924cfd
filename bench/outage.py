"""Claim (G5): ten minutes without Kafka at half load are not noticed, and made up for in a third of the time.

    .venv/bin/python -m bench.outage [--minutes 10] [--rate 0] [--size 20]

Starts a broker and one collector of its own, in a temporary folder; needs no stack. `--rate` in batches per second; 0
takes half of what the two reach together with the generator on this machine. Kills the broker (-9), keeps it away,
starts it again, and goes on posting until the spool is empty. Judges every batch by the ledger check.
"""

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from local.stack import Stack
from schemas import events
from schemas.settings import Settings
from schemas.topics import EVENTS
from tests import log
from tests.faults.broker import Broker, a_broker
from tests.faults.collecting import Collector, a_collector
from tests.faults.ledger import Event, Ledger, Logged, judge
from tests.faults.phones import Phones
from tests.waiting import eventually

PEOPLE = 2_000  # who post in turn: a person's records are drained one after the other, different persons' abreast
PROBE_S, BEFORE_S, AFTER_S = 6.0, 15.0, 10.0
LOOPS = 32  # of the probe: so many post without a pause
SPOOL_BYTES = 32 << 30  # the disk's share is the bound; what is taken is told
TELL_S = 15.0
DRAINED, SPOOL = "events_drained_total", "spool_bytes"


class Batches(Ledger):
    """One entry per batch, named by its first event: ten minutes of single events would not fit into memory."""

    def body(self, key: str, batch: Sequence[Event]) -> bytes:
        """Filed under the first event's id."""
        made = Ledger().body(key, batch)
        first = batch[0]["messageId"]
        self.digests[first] = sha256(made[len(b'{"batch":[') : -2]).digest()
        self.by_key[key].append(first)
        return made

    def answered(self, ids: Iterable[str], status: int, results: list[Any]) -> None:
        """All or nothing: a batch of one person is one record."""
        super().answered([next(iter(ids))], status, results)


def logged_batches(settings: Settings) -> Iterator[Logged]:
    """Every record of the log as one entry."""
    for record in log.records(settings, EVENTS):
        envelope = events.decode(record.value)
        (_, first), *_ = events.indexed(envelope)
        digest = sha256(b",".join(bytes(raw) for raw in envelope.events)).digest()
        yield Logged(record.origin.partition, record.origin.offset, 0, envelope.key, first.message_id or "", digest)


@dataclass
class Run:
    """One outage: moments are monotonic."""

    broker: Broker
    collector: Collector
    phones: Phones
    rate: float = 0.0
    killed: float = 0.0
    back: float = 0.0  # the broker leads again
    drained: float = 0.0
    spooled_bytes: float = 0.0
    drained_events: float = 0.0
    draining_s: float = 0.0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def go(self, rate: float, minutes: float) -> None:
        """The whole run; returns when everything is answered and drained."""
        self.rate = rate or await self.half()
        print(f"{self.rate:.0f} batches/s of {self.phones.size} events, {minutes:g} minutes without Kafka", flush=True)
        telling = asyncio.create_task(self.tell())
        posting = asyncio.create_task(self.phones.post(self.rate, self.done.is_set))
        await asyncio.sleep(BEFORE_S)
        await self.outage(minutes * 60)
        await asyncio.sleep(AFTER_S)
        self.done.set()
        await posting
        telling.cancel()
        await asyncio.to_thread(self.collector.drained)

    async def half(self) -> float:
        """Half of what closed loops reach, in batches per second."""
        probe = Phones(self.phones.port, Batches(), people=LOOPS, size=self.phones.size, patient=False)
        reached = await probe.loops(PROBE_S)
        print(f"saturation: {reached:.0f} batches/s, with generator and broker on the same machine", flush=True)
        return reached / 2

    async def outage(self, seconds: float) -> None:
        """Kafka goes, stays away, comes back; then until nothing is left to drain."""
        self.killed = time.monotonic()
        self.broker.kill()
        await asyncio.sleep(seconds)
        self.spooled_bytes = await self.metric(SPOOL)
        starting = asyncio.create_task(asyncio.to_thread(self.broker.start))
        await asyncio.to_thread(eventually, lambda: self.collector.metric(DRAINED), within_s=300)
        began = time.monotonic()
        await starting
        self.back = time.monotonic()
        await asyncio.to_thread(self.collector.drained, 3600)
        self.drained = time.monotonic()
        self.drained_events, self.draining_s = await self.metric(DRAINED), self.drained - began

    async def metric(self, name: str) -> float:
        """Of the collector."""
        return await asyncio.to_thread(self.collector.metric, name)

    async def tell(self) -> None:
        """A line now and then."""
        began = time.monotonic()
        while True:
            since = time.monotonic()
            await asyncio.sleep(TELL_S)
            held, drained = await self.metric(SPOOL), await self.metric(DRAINED)
            print(
                f"{time.monotonic() - began:5.0f} s  accepted {self.phones.share_accepted():.4%}"
                f"  p99 {self.phones.took_s(0.99, since) * 1000:4.0f} ms  spool {held / 1e6:6.0f} MB"
                f"  drained {drained:9,.0f} events",
                flush=True,
            )


def late_p99_s(ledger: Ledger) -> float:
    """Scheduled against sent: the generator's own fault."""
    return sorted(ledger.late_s)[int(len(ledger.late_s) * 0.99)]


def report(run: Run) -> int:
    """The table; 1 when a promise is broken."""
    phones, live = run.phones, run.rate * run.phones.size
    rate, share = run.drained_events / run.draining_s, phones.share_accepted()
    p99_s = phones.took_s(0.99, run.killed, run.drained)
    found = judge(phones.ledger, logged_batches(run.broker.settings))
    rows = (
        ("batches sent", f"{len(phones.took):,}, answered {phones.ledger.statuses}"),
        ("generator late p99", f"{late_p99_s(phones.ledger) * 1000:.1f} ms (above 5 the run says little)"),
        ("accepted", f"{share:.4%} (goal 99.9 %)"),
        ("p99 from kill to drained", f"{p99_s * 1000:.0f} ms (goal 250)"),
        ("p99 before, away, draining", " ".join(f"{took * 1000:.0f}" for took in _phases(run)) + " ms"),
        ("spooled", f"{run.spooled_bytes / 1e6:,.0f} MB before Kafka came back"),
        ("drained", f"{run.drained_events:,.0f} events in {run.draining_s:.1f} s: {rate:,.0f}/s"),
        ("against live traffic", f"{rate / live:.1f}x of {live:,.0f}/s, which went on (goal 3x)"),
        ("ledger, by batches", str(found)),
    )  # fmt: skip
    for name, value in rows:
        print(f"{name:<28}{value}")
    return 0 if found.holds() and share >= 0.999 and p99_s <= 0.25 and rate >= 3 * live else 1


def _phases(run: Run) -> Iterator[float]:
    for since, until in ((0.0, run.killed), (run.killed, run.back), (run.back, run.drained)):
        yield run.phones.took_s(0.99, since, until)


@contextmanager
def started(size: int) -> Iterator[Run]:
    """A broker, and a collector that knows it, in a folder that goes with them."""
    with tempfile.TemporaryDirectory(prefix="darkroom-outage-") as name:
        folder, kept = Path(name), {"spool_max_bytes": SPOOL_BYTES, "spool_max_disk_share": 0.5}
        with (
            a_broker(folder) as broker,
            a_collector(Stack.named("bench"), folder, {"kafka_brokers": broker.direct, **kept}) as collector,
        ):
            port = int(collector.url.rpartition(":")[2])
            yield Run(broker, collector, Phones(port, Batches(), people=PEOPLE, size=size, patient=False))


def main() -> int:
    """The run and its table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--rate", type=float, default=0, help="batches per second; 0: half of saturation")
    arguments.add_argument("--size", type=int, default=20, help="events per batch")
    given = arguments.parse_args()
    gc.disable()  # a collection over a million entries would delay what is due
    with started(given.size) as run:
        asyncio.run(run.go(given.rate, given.minutes))
        return report(run)


if __name__ == "__main__":
    raise SystemExit(main())
