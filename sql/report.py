"""One HTML page for somebody who runs the company: how many, do they stay, what do they do, is every record there.

Reads marts only, so that it shows what analysts see. It needs nothing from the network and runs no script.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from sql import figures
from sql.page import page, section, table, tile, titled
from sql.warehouse import Frame, Warehouse

DAYS = 30
FUNNEL_DAYS = 7
TOP = 10
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Row = Mapping[str, Any]

TOTALS = "select * from marts.daily_totals_v1 where activity_date between @first and @day order by activity_date"
RETENTION = """
select cohort_date, days_since, cohort_size, retained
from marts.retention_v1
where activity_date between @first and @day and cohort_date >= @first
order by cohort_date desc, days_since
"""
FUNNEL = """
select app, step, step_name, sum(people) as people
from marts.funnel_v1
where opened_date between @first and date_sub(@day, interval 1 day)
group by app, step, step_name
order by app, step
"""
DEPTH = """
select feed, mark, sum(scrolls) as scrolls
from marts.feed_depth_v1
where activity_date between @first and @day
group by feed, mark
order by feed, mark
"""
PHOTOS = "select * from marts.top_photos_v1 where ranked_date = @day and place <= @top order by place"
LEDGER = """
select
    ledger_date,
    topic,
    sum(accepted_records) as accepted,
    sum(stored_records) as stored,
    sum(missing_records) as missing,
    sum(doubled_rows) as doubled
from marts.delivery_ledger_v1
where ledger_date between @first and @day
group by ledger_date, topic
order by ledger_date, topic
"""
RHYTHM = """
with hours as (
    select
        metric_date,
        mod(extract(dayofweek from metric_hour) + 5, 7) as weekday,
        extract(hour from metric_hour) as hour_of_day,
        if(metric = 'people', amount, 0) as people
    from marts.hourly_metrics_v1
    where metric_date between @first and @day
),

days as (
    select weekday, count(distinct metric_date) as days from hours group by weekday
)

select hours.weekday, hours.hour_of_day, sum(hours.people) / max(days.days) as people
from hours
inner join days on hours.weekday = days.weekday
group by hours.weekday, hours.hour_of_day
"""


@dataclass(frozen=True)
class Numbers:
    """What the page shows, as the marts gave it."""

    day: datetime.date
    totals: Frame
    retention: Frame
    funnel: Frame
    depth: Frame
    photos: Frame
    ledger: Frame
    rhythm: Frame


def read(warehouse: Warehouse, day: datetime.date) -> Numbers:
    """The 30 days up to `day`; days that were not built are missing, not zero."""
    first, week = day - datetime.timedelta(days=DAYS - 1), day - datetime.timedelta(days=FUNNEL_DAYS)
    return Numbers(
        day=day,
        totals=warehouse.df(TOTALS, first=first, day=day),
        retention=warehouse.df(RETENTION, first=first, day=day),
        funnel=warehouse.df(FUNNEL, first=week, day=day),
        depth=warehouse.df(DEPTH, first=week, day=day),
        photos=warehouse.df(PHOTOS, day=day, top=TOP),
        ledger=warehouse.df(LEDGER, first=first, day=day),
        rhythm=warehouse.df(RHYTHM, first=first, day=day),
    )


def html(numbers: Numbers) -> str:
    """The whole page."""
    title = f"Darkroom: {DAYS} days up to {numbers.day:%-d %B %Y}"
    return page(title, tiles(numbers), sections(numbers))


def sections(numbers: Numbers) -> Iterable[str]:
    """From the most asked to the least."""
    yield section("People", "Active on the day, in its week, in its four weeks.", people(numbers.totals))
    yield section("Do they stay?", RETENTION_READS, retention(records(numbers.retention)))
    yield section("From opening the app to sharing a photo", FUNNEL_READS, funnel(records(numbers.funnel)))
    yield section("How far they scroll", DEPTH_READS, depth(records(numbers.depth)))
    yield section("Top photos", PHOTOS_READS, photos(records(numbers.photos)))
    yield section("When they come", "People in an average hour, by weekday; UTC.", rhythm(records(numbers.rhythm)))
    yield section("Is every record there?", ledger_says(numbers.ledger), ledger(numbers.ledger))


RETENTION_READS = (
    "A row is everybody who registered on that day, a column a day so many days later; a square says how many of a "
    "hundred were there on it."
)
FUNNEL_READS = "The week before the last day; each step within 24 hours of the first, one person once a day."
DEPTH_READS = "Scrolls of the last week, by feed: how many saw at least so many photos."
PHOTOS_READS = "Public photos by who looked (1) and who shared (5); each counts half after a day."


def records(frame: Frame) -> list[Row]:
    """The rows, by name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def tiles(numbers: Numbers) -> Iterable[str]:
    """The few numbers that are asked for first."""
    if totals := records(numbers.totals):
        yield tile("active that day", f"{totals[-1]['active_users']:,}")
        yield tile("active in its week", f"{totals[-1]['weekly_active_users']:,}")
        yield tile("active in four weeks", f"{totals[-1]['monthly_active_users']:,}")
        yield tile("registered in 30 days", f"{sum(row['registered'] for row in totals):,}")
        yield tile("photos in 30 days", f"{sum(row['photos_captured'] for row in totals):,}")
    for days, named in ((1, "back the next day"), (7, "back after a week")):
        rate = retained(records(numbers.retention), days)
        yield tile(named, "-" if rate is None else f"{rate:.0%}")
    if len(numbers.ledger):
        yield tile("records missing or doubled", f"{int(numbers.ledger[['missing', 'doubled']].to_numpy().sum()):,}")


def retained(rows: Sequence[Row], days: int) -> float | None:
    """Of all people whose cohort is so old, the share that came back on that day; None without any."""
    of_age = [row for row in rows if row["days_since"] == days]
    size = sum(row["cohort_size"] for row in of_age)
    return sum(row["retained"] for row in of_age) / size if size else None


def people(totals: Frame) -> Iterable[str]:
    """Three lines; nothing where no day was built."""
    names = {"monthly_active_users": "four weeks", "weekly_active_users": "week", "active_users": "day"}
    if len(totals):
        yield figures.lines(list(totals["activity_date"]), {name: list(totals[of]) for of, name in names.items()})


def retention(rows: Sequence[Row]) -> Iterable[str]:
    """The triangle, newest cohort at the top."""
    cohorts = {row["cohort_date"]: row["cohort_size"] for row in rows}
    places = {cohort: at for at, cohort in enumerate(cohorts)}
    cells = {(places[row["cohort_date"]], row["days_since"]): row["retained"] / row["cohort_size"] for row in rows}
    if cells:
        heads = [str(days) for days in range(max(days for _, days in cells) + 1)]
        labels = [f"{cohort:%-d %b} ({size:,})" for cohort, size in cohorts.items()]
        yield figures.heat(labels, heads, cells, percent=True)


def funnel(rows: Sequence[Row]) -> Iterable[str]:
    """A funnel per app."""
    for app, steps in grouped(rows, "app"):
        values = [step["people"] for step in steps]
        lost = [
            f"{100 * after / before:.0f} % of the step before" if before else "" for before, after in pairwise(values)
        ]
        yield titled(app, figures.bars([step["step_name"] for step in steps], values, ["", *lost]))


def depth(rows: Sequence[Row]) -> Iterable[str]:
    """A set of bars per feed."""
    for feed, marks in grouped(rows, "feed"):
        values = [mark["scrolls"] for mark in marks]
        notes = [share(value, values[0]) for value in values]
        yield titled(feed, figures.bars([f"{mark['mark']} or more" for mark in marks], values, notes))


def share(value: float, whole: float) -> str:
    """Per cent, of which a few are told from none."""
    return "" if not whole else "< 1 %" if 0 < value / whole < 0.005 else f"{100 * value / whole:.0f} %"


def grouped(rows: Sequence[Row], name: str) -> Iterable[tuple[str, list[Row]]]:
    """Neighbours that have the same value there."""
    for value, group in groupby(rows, key=lambda row: row[name]):
        yield str(value), list(group)


def photos(rows: Sequence[Row]) -> Iterable[str]:
    """A table; ids only, for captions are personal."""
    named = ("place", "photo", "author", "film", "viewers", "sharers", "score")
    if rows:
        yield table(named, ([row[name] if name != "score" else f"{row[name]:.2f}" for name in named] for row in rows))


def rhythm(rows: Sequence[Row]) -> Iterable[str]:
    """A week of hours."""
    cells = {(int(row["weekday"]), int(row["hour_of_day"])): float(row["people"]) for row in rows}
    if cells:
        yield figures.heat(WEEKDAYS, [str(hour) for hour in range(24)], cells, percent=False)


def ledger_says(rows: Frame) -> str:
    """The sentence that matters: how many, and whether one is missing or doubled."""
    accepted, missing, doubled = (int(rows[name].sum()) for name in ("accepted", "missing", "doubled"))
    verdict = f"{missing:,} missing and {doubled:,} doubled"
    told = f"Of {accepted:,} records that the log accepted, {verdict}. A missing record is a dead letter, or lost."
    return f"{told} A column is what was stored of a day."


def ledger(rows: Frame) -> Iterable[str]:
    """Records stored per day and topic, and as a table those days on which something is wrong."""
    if not len(rows):
        return
    stored = rows.pivot_table(index="ledger_date", columns="topic", values="stored", aggfunc="sum", fill_value=0)
    series = {str(topic): list(stored[topic]) for topic in stored.columns}
    lost = rows.groupby("ledger_date")["missing"].sum()
    colours = (*figures.COLOURS[: len(series)], figures.ALARM)
    yield figures.columns(list(stored.index), {**series, "missing": list(lost)} if lost.any() else series, colours)
    named = ("ledger_date", "topic", "accepted", "stored", "missing", "doubled")
    if wrong := [row for row in records(rows) if row["missing"] or row["doubled"]]:
        yield table(named, ([row[name] for name in named] for row in wrong))
