"""Claim: what was accepted is in BigQuery's answers within a second. About 90 s per rate, on a running stack.

    make up && .venv/bin/python -m bench.freshness [--stack default] [--rates 1,50,500] [--seconds 60]

Beside a steady load of batches of 20 (an open model in a process of its own), a probe of one event is posted each half
second; one query after the other asks which probes are there. A probe's age counts from its 200 to the beginning of the
first query that has it (what the pipeline took), and to that query's answer (what an analyst waits for).
"""

import argparse
import multiprocessing
import time
from multiprocessing.pool import Pool
from secrets import token_hex
from typing import NamedTuple

import httpx

from bench.collector import requests
from bench.exactly_once import percentile
from bench.overload import generate
from bench.traffic import WRITE_KEY
from local.stack import Stack
from sql import warehouse

EVERY_S = 0.5
PATIENCE_S = 60.0
SIZE = 20
GOAL_S = (1.0, 2.0)  # p50, p99
SEEN = """
SELECT event_id
FROM raw.events_v1
WHERE received_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 10 MINUTE) AND STARTS_WITH(event_id, @run)
"""


class Age(NamedTuple):
    """Of one probe, in seconds, when it was first seen."""

    asked: float
    answered: float


class Probes:
    """Posts them, and finds them again."""

    def __init__(self, stack: Stack) -> None:
        self.run = f"probe-{token_hex(4)}"
        self.ages: list[Age] = []
        self._accepted: dict[str, float] = {}
        self._door = warehouse.opened(stack.settings)
        host, port = stack.addresses()["ingest"]
        self._http = httpx.Client(base_url=f"http://{host}:{port}", timeout=10, auth=(WRITE_KEY, ""))

    def go(self, seconds: float) -> int:
        """Posts for so long, asks until all are seen; how many never were."""
        began, sent = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds or (self._accepted and passed < seconds + PATIENCE_S):
            if sent * EVERY_S <= passed < seconds:
                self._post(f"{self.run}-{sent}")
                sent += 1
            else:
                self._look()
        return len(self._accepted)

    def _post(self, id: str) -> None:
        event = {"type": "track", "event": "Probe", "userId": id, "messageId": id}
        self._http.post("/v1/batch", json={"batch": [event]}).raise_for_status()
        self._accepted[id] = time.monotonic()

    def _look(self) -> None:
        asked = time.monotonic()
        found = set(self._door.df(SEEN, run=self.run)["event_id"])
        answered = time.monotonic()
        for id in found & self._accepted.keys():
            accepted = self._accepted.pop(id)
            self.ages.append(Age(max(0.0, asked - accepted), answered - accepted))


def measured(stack: Stack, generator: Pool, rate: float, seconds: float) -> None:
    """One line of the table."""
    probes, (_, port) = Probes(stack), stack.addresses()["ingest"]
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
    given = arguments.parse_args()
    print(f"goal: p50 {GOAL_S[0]:g} s, p99 {GOAL_S[1]:g} s")
    print("rate/s answered/s  probes missing p50 s  p99 s  with query p50    p99  late ms")
    with multiprocessing.get_context("spawn").Pool(1) as generator:
        for rate in map(float, given.rates.split(",")):
            measured(Stack.named(given.stack), generator, rate, given.seconds)


if __name__ == "__main__":
    main()
