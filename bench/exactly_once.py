"""Claim: what the collector accepts is in BigQuery exactly once. 60 s at 50 batches/s of 20 events, on a running stack.

    make up && .venv/bin/python -m bench.exactly_once [--stack default] [--seconds 60] [--rate 50]

Prints what was answered, what BigQuery holds of it, and how long the last row took to become visible.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence

import pandas as pd

from bench.traffic import Ledger, post_batches
from local.stack import Stack
from sql import warehouse

ROWS = """
SELECT event_id, COUNT(*) AS copies
FROM raw.events_v1
WHERE received_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)
GROUP BY event_id
"""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def settle(door: warehouse.Warehouse, accepted: set[str], patience_s: float) -> tuple[pd.DataFrame, float]:
    """BigQuery's copies by event id once all accepted ones are there (or patience ends), and how long that took."""
    began = time.monotonic()
    while True:
        found = door.df(ROWS)
        waited = time.monotonic() - began
        if accepted <= set(found["event_id"]) or waited > patience_s:
            return found, waited
        time.sleep(0.5)


def main() -> int:
    """1 when an accepted event is missing or doubled, or none was accepted at all."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--stack", default="default")
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--rate", type=float, default=50, help="batches of 20 events per second")
    given = arguments.parse_args()
    settings, ledger = Stack.named(given.stack).settings, Ledger()

    asyncio.run(post_batches(settings.public_url, ledger, per_second=given.rate, seconds=given.seconds))
    found, waited = settle(warehouse.opened(settings), ledger.accepted, patience_s=60)

    ours = found[found["event_id"].isin(ledger.sent)]
    missing = len(ledger.accepted - set(ours["event_id"]))
    doubled = int((ours["copies"] > 1).sum())
    print(f"batches answered     {ledger.statuses}")
    print(f"generator late p99   {percentile(ledger.late_s, 0.99) * 1000:.1f} ms")
    print(f"ack p50              {percentile(ledger.ack_s, 0.5) * 1000:.1f} ms")
    print(f"ack p99              {percentile(ledger.ack_s, 0.99) * 1000:.1f} ms")
    print(f"events accepted      {len(ledger.accepted)}")
    print(f"in BigQuery          {len(ours)}, missing {missing}, more than once {doubled}")
    print(f"all visible after    {waited:.1f} s")
    return 1 if missing or doubled or not ledger.accepted else 0


if __name__ == "__main__":
    raise SystemExit(main())
