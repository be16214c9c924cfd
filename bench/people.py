"""A living data set: so many people over so many days, through the real collector and commands. Seeded and resumable.

    make up && .venv/bin/python -m bench.people [--users 300] [--days 30] [--seed 1] [--until DAY] [--stack default]

Interrupted, it goes on with the day it was in when started with the same numbers again (`make reset` forgets it). Then
`python -m sql apply --days 30` and `python -m sql report` show what came of it.
"""

import argparse
import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from bench.community import people
from bench.phones import opened
from bench.simulation import WRITE_KEYS, Clock, Lived, Simulation
from ingest.app import now
from local.stack import Stack


async def live(stack: Stack, *, seed: int, users: int, first: date, days: int) -> Lived:
    """The days that are left of the simulation; what has happened on all of them."""
    file = stack.data / f"people-{seed}-{users}-{first}-{days}.json"
    clock = Clock(datetime.combine(first, datetime.min.time(), UTC))
    async with opened(stack, clock, WRITE_KEYS) as (room, phones):
        simulation = Simulation(seed, people(seed, users, first, days), room, phones, clock)
        simulation.lived = _read(file)
        began, before = time.monotonic(), simulation.lived.days
        for day in (first + timedelta(days=n) for n in range(before, days)):
            there = await simulation.day(day)
            _write(file, simulation.lived)
            _tell(simulation.lived, day, there, days, (time.monotonic() - began) / (simulation.lived.days - before))
    return simulation.lived


def _read(file: Path) -> Lived:
    return msgspec.json.decode(file.read_bytes(), type=Lived) if file.exists() else Lived()


def _write(file: Path, lived: Lived) -> None:
    """Whole or not at all."""
    fresh = file.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(lived))
    fresh.replace(file)


def _tell(lived: Lived, day: date, there: int, days: int, each_s: float) -> None:
    told = lived.told
    left = timedelta(seconds=round(each_s * (days - lived.days)))
    print(
        f"{day} ({lived.days}/{days})  {there:6,} people there  {told.get('events', 0):10,} events"
        f"  {told.get('commands', 0):8,} commands  {len(lived.photos):7,} photos  {left} left",
        flush=True,
    )


def main() -> None:
    """The days, one line each, and what was refused."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--users", type=int, default=300)
    arguments.add_argument("--days", type=int, default=30)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--until", type=date.fromisoformat, help="the last day, UTC (default: yesterday)")
    arguments.add_argument("--stack", default="default")
    given = arguments.parse_args()
    last = given.until or now().date() - timedelta(days=1)
    first = last - timedelta(days=given.days - 1)
    stack = Stack.named(given.stack)
    try:
        lived = asyncio.run(live(stack, seed=given.seed, users=given.users, first=first, days=given.days))
    except KeyboardInterrupt:
        raise SystemExit("interrupted; the same command goes on with this day") from None
    print(", ".join(f"{count:,} {what}" for what, count in sorted(lived.told.items())))
    print(f"next: .venv/bin/python -m sql apply --date {last} --days {given.days}; then: -m sql report --date {last}")


if __name__ == "__main__":
    main()
