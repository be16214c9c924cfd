"""A small community, the same every time: rows of the raw tables for the analysts' quickstart and for the report.

Sixty people over four weeks: they register in the first days, lose interest at their own pace, open the app in the
evening, take photos into rolls that are revealed at nine, look, scroll and sometimes share.
"""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

LAST_DAY = date(2026, 11, 20)
DAYS = 28
PEOPLE = 60
PARTITIONS = 4
COUNTRIES = ("PT", "PT", "ES", "DE", "BR")
Row = dict[str, Any]


class Community:
    """What the raw tables hold after four weeks; `rows` may be asked for once."""

    def __init__(self, seed: int = 7) -> None:
        self._random = Random(seed)
        self._offsets: Counter[tuple[str, int]] = Counter()
        self._revealed: list[tuple[datetime, str, str]] = []  # when, photo, author
        self._rolls: list[str] = []
        self._photos = 0
        self.events: list[Row] = []
        self.facts: list[Row] = []

    def rows(self) -> dict[str, list[Row]]:
        """Rows by table, in the order of the log."""
        first = LAST_DAY - timedelta(days=DAYS - 1)
        joined = {f"user-{n:02}": first + timedelta(days=n * 20 // PEOPLE) for n in range(PEOPLE)}
        for day in (first + timedelta(days=n) for n in range(DAYS)):
            for n, (person, since) in enumerate(joined.items()):
                if day >= since:
                    self._day(person, n, day, (day - since).days)
        return {"raw.events_v1": self.events, "raw.facts_v1": self.facts}

    def _day(self, person: str, number: int, day: date, age: int) -> None:
        at = datetime.combine(day, time(), UTC) + timedelta(minutes=self._random.gauss(19 * 60, 150) % (24 * 60))
        if age == 0:
            self._fact(at, "UserRegistered", person, person, {"tz": "Europe/Lisbon"})
            for _ in range(min(3, number)):
                whom = f"user-{self._random.randrange(number):02}"
                self._fact(at, "UserFollowed", person, person, {"whom": whom})
        weekend = 0.12 if day.weekday() >= 5 else 0.0
        if age and self._random.random() > 0.72 * 0.96**age + weekend - 0.2 * (number % 3 == 0):
            return
        self._visit(person, COUNTRIES[number % len(COUNTRIES)], at)

    def _visit(self, person: str, country: str, at: datetime) -> None:
        self._event(at, person, country, "App Opened", {})
        if self._random.random() < 0.35:
            self._capture(person, country, at + timedelta(minutes=2))
        depth = int(self._random.paretovariate(0.9))
        self._event(at + timedelta(minutes=4), person, country, "Feed Scrolled", {"feed": "home", "depth": depth})
        due = [(photo, author) for when, photo, author in self._revealed[-40:] if when <= at and author != person]
        for photo, author in self._random.sample(due, min(len(due), depth, 6)):
            self._event(at + timedelta(minutes=5), person, country, "Photo Viewed", {"photo": photo, "feed": "home"})
            if self._random.random() < (0.5 if author == person else 0.08):
                shared = {"photo": photo, "to": "messages"}
                self._event(at + timedelta(minutes=6), person, country, "Photo Shared", shared)

    def _capture(self, person: str, country: str, at: datetime) -> None:
        photo, roll = f"photo-{self._photos:04}", self._roll(person, at)
        self._photos += 1
        reveal = datetime.combine(at.date(), time(21), UTC)
        reveal += timedelta(days=int(reveal <= at))
        told = {
            "roll": roll,
            "film": "darkroom-400",
            "visibility": "public" if self._random.random() < 0.8 else "private",
            "reveal_at": reveal.isoformat().replace("+00:00", "Z"),
        }
        self._fact(at, "PhotoCaptured", photo, person, {name: value for name, value in told.items() if value})
        if self._random.random() < 0.03:
            self._fact(at, "PhotoSpoiled", photo, person, {"reason": "image_unreadable"})
            return
        self._fact(at, "PhotoDeveloped", photo, person, {"roll": roll} if roll else {})
        self._revealed.append((reveal, photo, person))
        if self._random.random() < 0.3:
            shared = reveal + timedelta(minutes=self._random.randrange(1, 90))
            self._event(shared, person, country, "Photo Shared", {"photo": photo, "to": "instagram"})

    def _roll(self, person: str, at: datetime) -> str | None:
        if self._random.random() < 0.5:
            return None
        if not self._rolls or self._random.random() < 0.15:
            self._rolls.append(f"roll-{len(self._rolls):03}")
            opened = {"film": "darkroom-400", "develop": "21:00", "tz": "UTC", "visibility": "private"}
            self._fact(at, "RollOpened", self._rolls[-1], person, opened)
        else:
            self._fact(at, "RollJoined", self._rolls[-1], person, {})
        return self._rolls[-1]

    def _event(self, at: datetime, person: str, country: str, name: str, properties: Row) -> None:
        self.events.append(
            {
                "event_id": f"event-{len(self.events):05}",
                "name": name,
                "type": "track",
                "app": "darkroom-ios",
                "user_id": person,
                "country": country,
                "os": "iOS",
                "occurred_at": at,
                "sent_at": at + timedelta(seconds=2),
                "received_at": at + timedelta(seconds=2),
                "properties": properties,
                **self._origin("events.v1", person),
                "batch_index": 0,
            }
        )

    def _fact(self, at: datetime, type_: str, aggregate: str, person: str, payload: Row) -> None:
        self.facts.append(
            {
                "fact_id": f"fact-{len(self.facts):05}",
                "type": type_,
                "aggregate": aggregate,
                "accepted_at": at,
                "user_id": person,
                "payload": payload,
                **self._origin("facts.v1", aggregate),
            }
        )

    def _origin(self, topic: str, key: str) -> Row:
        """The next place of the partition that the key goes to."""
        partition = sum(key.encode()) % PARTITIONS
        offset = self._offsets[topic, partition]
        self._offsets[topic, partition] += 1
        return {"kafka_partition": partition, "kafka_offset": offset}
