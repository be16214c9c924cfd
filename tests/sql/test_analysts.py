"""`docs/analysts.md` and the report, on a community that is the same every time: the page prints what comes."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.settings import Settings
from sql import build, report
from sql.plan import Model, tables_in
from sql.warehouse import Warehouse
from tests.sql.community import LAST_DAY, Community
from tests.sql.examples import load

PAGE = Path("docs/analysts.md").read_text()
QUESTION = re.compile(r"^### (\d+\. .+?)\n.*?```sql\n(.*?)```\n\n```text\n(.*?)```", re.MULTILINE | re.DOTALL)
QUESTIONS = {name: (sql, answer) for name, sql, answer in QUESTION.findall(PAGE)}
YESTERDAY = LAST_DAY - timedelta(days=1)  # a funnel is whole after a day
MARTS = [model for model in build.models() if model.kind == "table"]


@pytest.fixture(scope="module")
def community(warehouse: Warehouse) -> Warehouse:
    """Four weeks of raw rows; of the marts the days that are asked about."""
    load(warehouse, Community().rows())
    for mart in MARTS:
        warehouse.run(f"delete from {mart.path} where {mart.partition} is not null")  # what other tests have planted
        for _ in build.build(warehouse, mart, [YESTERDAY if mart.name == "funnel_v1" else LAST_DAY]):
            pass
    return warehouse


def test_ten_questions_are_answered() -> None:
    assert len(QUESTIONS) == PAGE.count("\n### ") == 10


@pytest.mark.stack
@pytest.mark.parametrize("name", QUESTIONS)
def test_the_answer_is_what_the_page_says(name: str, community: Warehouse) -> None:
    sql, answer = QUESTIONS[name]

    assert community.df(sql).to_string(index=False).split() == answer.split()


@pytest.mark.stack
def test_pandas_asks_as_the_page_says(
    community: Warehouse, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_PROJECT", settings.warehouse_project)
    monkeypatch.setenv("WAREHOUSE_EMULATOR", settings.warehouse_emulator)
    names: dict[str, Any] = {}

    exec(compile(_block("python"), "docs/analysts.md", "exec"), names)

    assert list(names["frame"]["activity_date"]) == [LAST_DAY]


@pytest.mark.stack
def test_curl_asks_as_the_page_says(community: Warehouse, settings: Settings) -> None:
    asked = re.search(r"curl -s http://127.0.0.1:9050(/\S+/)local(/\S+) .*?-d '(.+?)'\n", PAGE, re.DOTALL)
    assert asked
    host, rest, _ = settings.warehouse_emulator.split(":")

    answer = httpx.post(
        f"http://{host}:{rest}{asked[1]}{settings.warehouse_project}{asked[2]}", json=json.loads(asked[3]), timeout=120
    )

    assert [row["f"][0]["v"] for row in answer.json()["rows"]] == [str(LAST_DAY)]


def _block(language: str) -> str:
    """The one listing of the page in this language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.mark.stack
def test_the_report_shows_every_section_of_the_community(community: Warehouse) -> None:
    page = report.html(report.read(community, LAST_DAY))

    assert f"30 days up to {LAST_DAY:%-d %B %Y}" in page
    assert page.count("<section>") == page.count("</section>") == 7
    assert "Nothing yet" not in page
    assert "0 missing and 0 doubled" in page


@pytest.mark.stack
def test_every_check_is_content_with_the_community(community: Warehouse) -> None:
    found = {check.name: len(community.df(check.body, day=LAST_DAY)) for check in build.checks()}

    assert {name: rows for name, rows in found.items() if rows} == {}


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_every_mart_is_explained_with_its_day(mart: Model) -> None:
    assert re.search(rf"^\| `{mart.name}` \| .+ \| `{mart.partition}`.* \|$", PAGE, re.MULTILINE)


def test_the_page_names_only_events_that_a_model_reads() -> None:
    table = PAGE.partition("## What apps must send")[2].partition("## Ten questions")[0]
    named = set(re.findall(r"^\| `([A-Z][\w ]+)` \|", table, re.MULTILINE))
    read = {name for model in build.models() for name in re.findall(r"'([A-Z][a-z]+ [A-Z][a-z]+)'", model.body)}

    assert named == read
    assert all(tables_in(sql) for sql, _ in QUESTIONS.values())
