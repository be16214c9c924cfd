"""Claim: what was accepted is in BigQuery's answers within a second. About 90 s per rate, on a running stack.

    make up && .venv/bin/python -m bench.freshness [--stack default] [--rates 1,50,500] [--seconds 60] [--loopback]

Beside a steady load of batches of 20 (an open model in a process of its own), a probe of one event is posted each half
second; one query after the other asks which probes are there. A probe's age counts from its 200 to the beginning of the
first query that has it (what the pipeline took), and to that query's answer (what an analyst waits for).

With `--loopback` the append path is measured without the emulator's storage: a sink of the same make, of a group and
tables of its own, appends to a gRPC server that checks offsets and stores nothing, and a probe's age counts from its
200 to the answer to its append (both columns are the same). The stack's own processors rest meanwhile.
"""

import argparse
import multiprocessing
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.pool import Pool
from secrets import token_hex
from typing import Any, NamedTuple

import httpx

from bench.collector import requests
from bench.exactly_once import percentile
from bench.loopback import loopback
from bench.loopback_sink import sinking
from bench.overload import generate
from bench.traffic import WRITE_KEY
from local import control, supervision
from local.stack import Stack
from sql import warehouse

EVERY_S = 0.5
PATIENCE_S = 60.0
LISTEN_S = 0.05
SIZE = 20
GOAL_S = (1.0, 2.0)  # p50, p99
SEEN = """
SELECT event_id
FROM raw.events_v1
WHERE received_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 10 MINUTE) AND STARTS_WITH(event_id, @run)
"""


class Seen(NamedTuple):
    """A probe that is there: since which moment at the latest, and when we knew (`time.monotonic`)."""

    id: str
    asked: float
    answered: float


Look = Callable[[], list[Seen]]  # takes a little while


def queries(stack: Stack, run: str) -> Look:
    """Asks BigQuery for the probes of this run."""
    door = warehouse.opened(stack.settings)

    def look() -> list[Seen]:
        asked = time.monotonic()
        found = set(door.df(SEEN, run=run)["event_id"])
        answered = time.monotonic()
        return [Seen(id, asked, answered) for id in found]

    return look


def listening(seen: Any) -> Look:
    """Waits for what the loopback server has seen."""

    def look() -> list[Seen]:
        try:
            appended = seen.get(timeout=LISTEN_S)
        except queue.Empty:
            return []
        return [Seen(appended.event_id, appended.at, appended.at)]

    return look


class Age(NamedTuple):
    """Of one probe, in seconds, when it was first seen."""

    asked: float
    answered: float


class Probes:
    """Posts them, and finds them again. `rate` tells the probes of one line from those of the next."""

    def __init__(self, stack: Stack, run: str, look: Look) -> None:
        self._run = run
        self._look = look
        self.ages: list[Age] = []
        self._accepted: dict[str, float] = {}
        host, port = stack.addresses()["ingest"]
        self._http = httpx.Client(base_url=f"http://{host}:{port}", timeout=10, auth=(WRITE_KEY, ""))

    def go(self, seconds: float) -> int:
        """Posts for so long, asks until all are seen; how many never were."""
        began, sent = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds or (self._accepted and passed < seconds + PATIENCE_S):
            if sent * EVERY_S <= passed < seconds:
                self._post(f"{self._run}-{sent}")
                sent += 1
            else:
                self._find()
        return len(self._accepted)

    def _post(self, id: str) -> None:
        event = {"type": "track", "event": "Probe", "userId": id, "messageId": id}
        self._http.post("/v1/batch", json={"batch": [event]}).raise_for_status()
        self._accepted[id] = time.monotonic()

    def _find(self) -> None:
        for seen in self._look():
            if (accepted := self._accepted.pop(seen.id, None)) is not None:
                self.ages.append(Age(max(0.0, seen.asked - accepted), max(0.0, seen.answered - accepted)))


def measured(stack: Stack, generator: Pool, probes: Probes, rate: float, seconds: float) -> None:
    """One line of the table."""
    _, port = stack.addresses()["ingest"]
    load = generator.apply_async(generate, (port, requests(SIZE, "identity"), seconds, rate))
    missing = probes.go(seconds)
    told = load.get()
    asked, answered = ([age[n] for age in probes.ages] for n in (0, 1))
    print(
        f"{rate:6.0f} {told.good:10.0f} {len(asked):7} {missing:7} {percentile(asked, 0.5):6.2f}"
        f" {percentile(asked, 0.99):6.2f} {percentile(answered, 0.5):13.2f} {percentile(answered, 0.99):6.2f}"
        f" {told.late_ms:8.0f}",
        flush=True,
    )


def main() -> None:
    """The table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--stack", default="default")
    arguments.add_argument("--rates", default="1,50,500", help="batches per second, one run each")
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--loopback", action="store_true", help="append to a server that stores nothing")
    given = arguments.parse_args()
    stack, run = Stack.named(given.stack), f"probe-{token_hex(4)}"
    print(f"goal: p50 {GOAL_S[0]:g} s, p99 {GOAL_S[1]:g} s")
    with ExitStack() as open_until_the_end:
        generator = open_until_the_end.enter_context(multiprocessing.get_context("spawn").Pool(1))
        look = open_until_the_end.enter_context(looped(stack, run)) if given.loopback else None
        print("rate/s answered/s  probes missing p50 s  p99 s  with query p50    p99  late ms")
        for rate in given.rates.split(","):
            name = f"{run}-{rate}"
            probes = Probes(stack, name, look or queries(stack, name))
            measured(stack, generator, probes, float(rate), given.seconds)


@contextmanager
def looped(stack: Stack, run: str) -> Iterator[Look]:
    """The stack's processors rest, and a sink of our own appends to a server that stores nothing."""
    supervision.stop(stack, "processors")
    try:
        with loopback(run) as (port, seen), sinking(stack, port):
            look = listening(seen)
            _warm(Probes(stack, f"{run}-warm", look))
            yield look
    finally:
        control.start(stack, ("processors",))


def _warm(probes: Probes) -> None:
    """Until the sink has its partitions and its first lease."""
    while not probes.ages:
        probes.go(EVERY_S)


if __name__ == "__main__":
    main()
