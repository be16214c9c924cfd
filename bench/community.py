"""A plausible community, pure and the same for every seed: who there is, and what each does with the app on a day.

Shapes follow what photo apps report of themselves: few are famous (a Pareto graph), most lose interest within days and
some never do, evenings and weekends are busy, and people live in several time zones.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from math import exp
from random import Random
from zoneinfo import ZoneInfo

import msgspec

PLACES = (
    ("PT", "Europe/Lisbon", 24), ("DE", "Europe/Berlin", 18), ("ES", "Europe/Madrid", 14),
    ("BR", "America/Sao_Paulo", 20), ("US", "America/New_York", 14), ("JP", "Asia/Tokyo", 10),
)  # fmt: skip
APPS = (("darkroom-ios", 55), ("darkroom-android", 45))
HOURS = (2, 1, 1, 0.5, 0.5, 1, 3, 6, 7, 5, 5, 6, 8, 7, 5, 5, 6, 8, 10, 12, 13, 12, 8, 4)  # local; how busy each is
FOUNDERS = 0.3  # of all people are there on the first day; the others come evenly
FIRST_FOLLOWS, LATER_FOLLOWS = (2, 8), 0.25  # follows on the first day; on a later visit with this probability
HABIT, NOVELTY = 0.45, 0.5  # of a person's keenness: what stays, and what fades
FADES_DAYS = 4.0
WEEKEND = 1.25
TAKES = 0.15  # of visits: somebody takes a photo; most people mostly look
SHARES = 0.15  # of photo views
OPENS_ROLL = 0.12  # of the visits on which somebody takes a photo
FRIENDS = (1, 5)  # who join a roll
PUSHES = (("reveal", 5), ("like", 3), ("follow", 2))
PUSHED, OPENS_PUSH = 0.4, 0.5  # of visits; of pushes


class Person(msgspec.Struct, frozen=True):
    """Somebody. `keenness` 0..1: how likely on an average day; `fame`: how often followed, against others."""

    number: int
    app: str
    country: str
    tz: str
    joins: date
    keenness: float
    fame: float


class Push(msgspec.Struct, frozen=True):
    """What reached somebody's phone `waited` before a visit, and whether it was opened."""

    kind: str
    waited: timedelta
    is_opened: bool


class Visit(msgspec.Struct, frozen=True):
    """One use of the app. Numbers 0..1 choose among what is there by then: 0 the newest photo."""

    at: datetime
    person: int
    registers: bool = False
    follows: tuple[int, ...] = ()  # people's numbers
    friends: tuple[int, ...] = ()  # who join the roll that is opened now; none: no roll is opened
    photos: int = 0
    depth: int = 1  # how far the feed is scrolled
    views: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    push: Push | None = None


def people(seed: int, count: int, first: date, days: int) -> list[Person]:
    """Everybody who is there at the end, in the order in which they come."""
    random = Random(f"people {seed}")
    founders = max(1, round(count * FOUNDERS))
    late = sorted(random.randrange(days) for _ in range(count - founders))
    return [_person(random, n, first + timedelta(days=day)) for n, day in enumerate([*[0] * founders, *late])]


def _person(random: Random, number: int, joins: date) -> Person:
    country, tz, _ = random.choices(PLACES, [weight for *_, weight in PLACES])[0]
    app, _ = random.choices(APPS, [weight for _, weight in APPS])[0]
    return Person(number, app, country, tz, joins, random.betavariate(1.3, 1.1), random.paretovariate(1.1))


def visits(seed: int, everybody: Sequence[Person], day: date) -> list[Visit]:
    """What happens on `day`, in order. A person's day depends on the seed, the day and the person alone."""
    known = [person for person in everybody if person.joins <= day]
    fames = list(accumulate(person.fame for person in known))
    found: list[Visit] = []
    for person in known:
        random = Random(f"visits {seed} {day} {person.number}")
        found += _of(random, person, day, known, fames)
    return sorted(found, key=lambda visit: (visit.at, visit.person))


def _of(random: Random, person: Person, day: date, known: Sequence[Person], fames: list[float]) -> list[Visit]:
    age = (day - person.joins).days
    times = 1 if age == 0 else _times(random, likely(person, day, age))
    moments = sorted(_moment(random, person, day) for _ in range(times))
    return [_visit(random, person, at, known, fames, first=age == 0 and at == moments[0]) for at in moments]


def likely(person: Person, day: date, age: int) -> float:
    """How likely `person` opens the app on `day`, `age` days after registering."""
    fading = HABIT + NOVELTY * exp(-age / FADES_DAYS)
    weekend = WEEKEND if day.weekday() >= 5 else 1.0
    return min(0.98, person.keenness * fading * weekend)


def _times(random: Random, chance: float) -> int:
    """Visits on a day: none, or one and sometimes more."""
    if random.random() >= chance:
        return 0
    return 1 + sum(random.random() < chance for _ in range(3))


def _moment(random: Random, person: Person, day: date) -> datetime:
    """By the person's own clock; what is left of that day in UTC, for a day is UTC here as in the warehouse."""
    hour = random.choices(range(24), HOURS)[0]
    local = datetime.combine(day, time(hour, random.randrange(60), random.randrange(60)), ZoneInfo(person.tz))
    return datetime.combine(day, local.astimezone(UTC).time(), UTC)


def _visit(
    random: Random, person: Person, at: datetime, known: Sequence[Person], fames: list[float], *, first: bool
) -> Visit:
    wanted = random.randint(*FIRST_FOLLOWS) if first else int(random.random() < LATER_FOLLOWS)
    photos = 0 if random.random() >= TAKES else 1 + int(random.random() < 0.3)
    opens = photos > 0 and random.random() < OPENS_ROLL
    depth = max(1, min(400, int(random.paretovariate(0.9))))
    views = tuple(random.random() ** 3 for _ in range(min(depth, 12)))
    return Visit(
        at, person.number, registers=first, photos=photos, depth=depth, views=views,
        follows=_others(random, person, known, fames, wanted),
        friends=_others(random, person, known, fames, random.randint(*FRIENDS) if opens else 0),
        shares=tuple(view for view in views if random.random() < SHARES),
        push=None if first else _push(Random(f"push {person.number} {at}"), at),
    )  # fmt: skip


def _push(random: Random, at: datetime) -> Push | None:
    """On the day of the visit, so that a day tells of itself alone."""
    if random.random() >= PUSHED:
        return None
    kind, _ = random.choices(PUSHES, [weight for _, weight in PUSHES])[0]
    midnight = datetime.combine(at.date(), time(), UTC)
    waited = min(timedelta(minutes=random.expovariate(1 / 20)), at - midnight)
    return Push(kind, waited, is_opened=random.random() < OPENS_PUSH)


def _others(random: Random, person: Person, known: Sequence[Person], fames: list[float], count: int) -> tuple[int, ...]:
    """At most so many different ones, the famous more often."""
    drawn = random.choices(known, cum_weights=fames, k=count) if count else []
    return tuple(dict.fromkeys(other.number for other in drawn if other.number != person.number))
