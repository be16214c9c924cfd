"""How long each model takes on a month of ten thousand people, and whether building it twice gives the same.

    .venv/bin/python -m bench.models [--users 10000] [--days 30] [--seed 1] [--until DAY] [--stack bench]

The people are those of `bench.people`; here their rows are written straight into raw tables, of a project of its own
on the stack's BigQuery emulator, so that only SQL is measured. Without the collector a month takes a minute or two.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from itertools import chain
from typing import Any

import msgspec
from google.cloud import bigquery

from bench.community import Person, Visit, people, visits
from bench.telling import BETWEEN, told
from ingest.app import now
from local.stack import Stack
from schemas.objects import FILMS
from schemas.warehouse import EVENTS, FACTS, Table
from sql import build, ddl
from sql.__main__ import digest
from sql.warehouse import Warehouse, opened

PROJECT = "bench-models"  # beside the stack's own, so that neither sees the other's rows
PARTITIONS = 8
REVEAL_HOUR = 9  # UTC
Row = dict[str, Any]


class Month:
    """Writes down what the people of the simulation would do, as the sink would store it."""

    def __init__(self, seed: int, everybody: list[Person]) -> None:
        self.seed, self.everybody = seed, everybody
        self._offsets: Counter[tuple[str, int]] = Counter()
        self._photos: list[tuple[datetime, str]] = []  # reveal, id; in order, since every reveal is the next day's
        self._rolls: dict[int, str] = {}

    def day(self, day: date) -> tuple[list[Row], list[Row]]:
        """Events and facts of the day; days are asked for in order."""
        events, facts = list[Row](), list[Row]()
        for visit in visits(self.seed, self.everybody, day):
            facts += self._facts(visit)
            events += self._events(visit)
        return events, facts

    def _facts(self, visit: Visit) -> Iterator[Row]:
        by = _user(visit.person)
        if visit.registers:
            yield self._fact(visit, "UserRegistered", by, visit.person)
        for whom in visit.follows:
            yield self._fact(visit, "UserFollowed", by, visit.person, whom=_user(whom))
        if visit.friends:
            roll = self._rolls[visit.person] = f"roll-{visit.at:%m%d%H%M%S}-{visit.person}"
            yield self._fact(visit, "RollOpened", roll, visit.person, film=FILMS[0], develop="09:00", tz="UTC")
            for friend in visit.friends:
                self._rolls[friend] = roll
                yield self._fact(visit, "RollJoined", roll, friend)
        for number in range(visit.photos):
            yield from self._photo(visit, number)

    def _photo(self, visit: Visit, number: int) -> Iterator[Row]:
        photo, roll = f"photo-{len(self._photos)}", self._rolls.get(visit.person) if number == 0 else None
        reveal = datetime.combine(visit.at.date() + timedelta(days=1), datetime.min.time(), UTC)
        reveal += timedelta(hours=REVEAL_HOUR)
        self._photos.append((reveal, photo))
        told = {"roll": roll, "film": FILMS[0], "visibility": "public", "reveal_at": reveal.isoformat()}
        yield self._fact(visit, "PhotoCaptured", photo, visit.person, **{name: of for name, of in told.items() if of})
        yield self._fact(visit, "PhotoDeveloped", photo, visit.person, **({"roll": roll} if roll else {}))

    def _fact(self, visit: Visit, type_: str, aggregate: str, person: int, **payload: Any) -> Row:
        origin = self._origin(FACTS, aggregate)
        return {
            "fact_id": f"fact-{origin['kafka_partition']}-{origin['kafka_offset']}", "type": type_,
            "aggregate": aggregate, "accepted_at": visit.at, "user_id": _user(person), "payload": payload, **origin,
        }  # fmt: skip

    def _events(self, visit: Visit) -> Iterator[Row]:
        """As the simulation has the app tell them (`bench.simulation`)."""
        events = told(visit, self._revealed(visit, visit.views), self._revealed(visit, visit.shares))
        origin, person = self._origin(EVENTS, _user(visit.person)), self.everybody[visit.person]
        sent_at = events[-1].at + BETWEEN
        received_at = min(sent_at, datetime.combine(visit.at.date(), datetime.max.time(), UTC))
        for index, (at, name, properties) in enumerate(events):
            yield {
                "event_id": f"{origin['kafka_partition']}-{origin['kafka_offset']}-{index}", "name": name,
                "type": "track", "app": person.app, "user_id": _user(visit.person), "country": person.country,
                "occurred_at": at, "received_at": received_at, "sent_at": sent_at,
                "properties": properties, **origin, "batch_index": index,
            }  # fmt: skip

    def _revealed(self, visit: Visit, chosen: tuple[float, ...]) -> list[str]:
        """Photos: 0 is the newest that is revealed by then, 1 the oldest."""
        count = len(self._photos)
        while count and self._photos[count - 1][0] > visit.at:
            count -= 1
        return [self._photos[count - 1 - int(one * count)][1] for one in chosen] if count else []

    def _origin(self, table: Table, key: str) -> Row:
        partition = sum(key.encode()) % PARTITIONS
        offset = self._offsets[table.name, partition]
        self._offsets[table.name, partition] += 1
        return {"kafka_partition": partition, "kafka_offset": offset}


def _user(number: int) -> str:
    return f"user-{number}"


def load(warehouse: Warehouse, table: Table, rows: list[Row]) -> None:
    """Appends them in one load job."""
    lines = BytesIO(msgspec.json.Encoder().encode_lines(rows))
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", write_disposition="WRITE_APPEND")
    warehouse.client.load_table_from_file(lines, table.path, job_config=config).result()


def emptied(stack: Stack) -> Warehouse:
    """Datasets, tables and models, with no rows."""
    settings = msgspec.structs.replace(stack.settings, warehouse_project=PROJECT)
    warehouse = opened(settings)
    for dataset in ddl.DATASETS:
        warehouse.run(f"drop schema if exists {dataset} cascade")
    for _ in build.apply(warehouse, settings, []):
        pass
    return warehouse


def timed(warehouse: Warehouse, days: list[date]) -> dict[str, list[float]]:
    """Seconds of each day of each mart."""
    found: dict[str, list[float]] = {}
    for mart in (model for model in build.models() if model.kind == "table"):
        for day in days:
            began = time.monotonic()
            list(build.build(warehouse, mart, [day]))
            found.setdefault(mart.path, []).append(time.monotonic() - began)
    return found


def main() -> None:
    """A line per mart: rows, seconds of all days, the slowest; and whether the second time changed anything."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--users", type=int, default=10_000)
    arguments.add_argument("--days", type=int, default=30)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--until", type=date.fromisoformat, help="the last day, UTC (default: yesterday)")
    arguments.add_argument("--stack", default="bench")
    given = arguments.parse_args()
    last = given.until or now().date() - timedelta(days=1)
    days = [last - timedelta(days=ago) for ago in reversed(range(given.days))]
    warehouse, counts = emptied(Stack.named(given.stack)), Counter[str]()
    month = Month(given.seed, people(given.seed, given.users, days[0], given.days))
    began = time.monotonic()
    for day in days:
        for table, rows in zip((EVENTS, FACTS), month.day(day), strict=True):
            load(warehouse, table, rows)
            counts[table.path] += len(rows)
    print(f"{dict(counts)} of {given.users:,} people in {time.monotonic() - began:.0f} s", flush=True)
    tell(warehouse, days)


def tell(warehouse: Warehouse, days: list[date]) -> None:
    """Builds all twice, and prints it."""
    first, before = timed(warehouse, days), dict(digest(warehouse))
    again, after = timed(warehouse, days), dict(digest(warehouse))
    for path, seconds in first.items():
        same = "the same again" if before[path] == after[path] else "CHANGED by the second time"
        both = [*seconds, *again[path]]
        print(
            f"{path:28} {sum(seconds):6.1f} s, then {sum(again[path]):6.1f} s; slowest day {max(both):5.2f} s; {same}"
        )
    assert before == after, "a model that is built twice must give the same"
    total = sum(chain.from_iterable(first.values()))
    print(f"{len(first)} marts x {len(days)} days: {total:.1f} s, then {sum(map(sum, again.values())):.1f} s")


if __name__ == "__main__":
    main()
