"""The report without a warehouse: sums of what it was given, and a page that stands alone."""

import re
from datetime import date

import pandas as pd

from sql.report import Numbers, html, ledger_says, retained, share

DAY = date(2026, 11, 20)


def numbers(**frames: pd.DataFrame) -> Numbers:
    """Marts that hold only these rows."""
    columns = {
        "totals": ["activity_date", "active_users", "registered", "photos_captured"],
        "retention": ["cohort_date", "days_since", "cohort_size", "retained"],
        "funnel": ["app", "step", "step_name", "people"],
        "depth": ["feed", "mark", "scrolls"],
        "photos": ["place", "photo", "author", "film", "viewers", "sharers", "score"],
        "ledger": ["ledger_date", "topic", "accepted", "stored", "missing", "doubled"],
        "rhythm": ["weekday", "hour_of_day", "people"],
    }
    return Numbers(day=DAY, **{name: frames.get(name, pd.DataFrame(columns=of)) for name, of in columns.items()})


def test_where_nothing_was_built_each_section_says_so() -> None:
    assert html(numbers()).count("Nothing yet.") == 7


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = html(numbers())

    assert re.findall(r"<(?:script|link|img|iframe)|\bsrc=|@import|url\(", page) == []


def test_cohorts_of_one_age_count_together() -> None:
    rows = [{"days_since": 1, "cohort_size": 30, "retained": 10}, {"days_since": 1, "cohort_size": 10, "retained": 10}]

    assert retained([*rows, {"days_since": 7, "cohort_size": 5, "retained": 0}], 1) == 0.5
    assert retained(rows, 7) is None


def test_the_ledger_says_what_is_missing_and_shows_its_day() -> None:
    row = {"ledger_date": DAY, "topic": "events.v1", "accepted": 1200, "stored": 1198, "missing": 2, "doubled": 0}
    frame = pd.DataFrame([row, {**row, "topic": "facts.v1", "missing": 0}])

    assert "Of 2,400 records" in ledger_says(frame)
    assert "2 missing and 0 doubled" in ledger_says(frame)
    page = html(numbers(ledger=frame))
    assert page.count("<tr><td>2026-11-20</td>") == 1


def test_what_is_missing_or_doubled_stands_among_the_first_numbers() -> None:
    row = {"ledger_date": DAY, "topic": "events.v1", "accepted": 1200, "stored": 1198, "missing": 2, "doubled": 3}

    assert "<b>5</b><span>records missing or doubled</span>" in html(numbers(ledger=pd.DataFrame([row])))


def test_a_few_of_many_are_not_shown_as_none() -> None:
    assert [share(value, 1000) for value in (0, 4, 6, 1000)] == ["0 %", "< 1 %", "1 %", "100 %"]
    assert share(0, 0) == ""


def test_an_apps_name_cannot_break_out() -> None:
    rows = [{"app": "<script>", "step": 1, "step_name": "opened", "people": 3}]

    assert "&lt;script&gt;" in html(numbers(funnel=pd.DataFrame(rows)))
    assert "<script>" not in html(numbers(funnel=pd.DataFrame(rows)))
