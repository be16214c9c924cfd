"""What is typed: `python -m sql plan|apply|check|query`."""

import re
from pathlib import Path

import pandas as pd
import pytest
from google.api_core.exceptions import NotFound

from schemas.settings import Settings
from sql import build
from sql.__main__ import main, refusal
from sql.warehouse import Warehouse
from tests.sql.conftest import DAY
from tests.sql.examples import put


@pytest.fixture
def typed(settings: Settings, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The environment that a terminal beside the stack has."""
    monkeypatch.setenv("WAREHOUSE_PROJECT", settings.warehouse_project)
    monkeypatch.setenv("WAREHOUSE_EMULATOR", settings.warehouse_emulator)
    return warehouse


def test_plan_prints_each_model_after_what_it_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan"]) == 0

    said = capsys.readouterr().out
    assert said.index("staging.stg_events_between (table function)") < said.index("marts.daily_activity_v1 (table)")


@pytest.mark.stack
def test_applying_again_changes_nothing_and_says_so(typed: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", "--date", "2026-11-20", "--days", "2"]) == 0

    said = capsys.readouterr().out.splitlines()
    said = [re.sub(r" in \d+\.\d s$", "", line) for line in said]
    assert said[:3] == ["raw.events_v1: as declared", "raw.facts_v1: as declared", "meta.sink_claims: as declared"]
    marts = [line for line in said if line.startswith("marts.daily_activity_v1")]
    assert marts == [f"marts.daily_activity_v1: {day} replaced" for day in ("2026-11-19", "2026-11-20")]


@pytest.mark.parametrize("days", ["-1", "many"])
def test_a_number_of_days_that_is_none_is_refused(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["apply", "--days", days])

    assert "argument --days" in capsys.readouterr().err


@pytest.mark.stack
def test_query_prints_a_table(typed: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "select 1 as one, 'x' as letter"]) == 0

    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["one", "letter"], ["1", "x"]]


@pytest.mark.stack
@pytest.mark.parametrize(("name", "read"), [("out.csv", pd.read_csv), ("out.parquet", pd.read_parquet)])
def test_query_writes_a_file(typed: Warehouse, tmp_path: Path, name: str, read: object) -> None:
    assert main(["query", "select 1 as one, 'x' as letter", "--out", str(tmp_path / name)]) == 0

    assert callable(read)
    assert read(tmp_path / name).to_dict("records") == [{"one": 1, "letter": "x"}]


@pytest.mark.stack
def test_what_bigquery_refuses_is_said_in_one_line(typed: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "select * from raw.nothing"]) == 1

    said = capsys.readouterr().err
    assert "raw.nothing was not found" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("more", ["", "; reason: notFound, message: t", "\n\nLocation: None\nJob ID: 25034fa7\n"])
def test_of_a_refusal_only_what_it_says_is_told(more: str) -> None:
    error = NotFound(f"Table t was not found{more}")  # type: ignore[no-untyped-call]

    assert refusal(error) == "Table t was not found"


@pytest.mark.stack
def test_check_fails_when_a_row_contradicts_it(typed: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    typing = ["check", "--date", "2026-11-20", "events_exactly_once", "facts_exactly_once"]
    row = {"received_at": pd.Timestamp("2026-11-20T10:00:00Z")}
    put(typed, {"raw.events_v1": [row]})
    assert main(typing) == 0

    put(typed, {"raw.events_v1": [{**row, "kafka_partition": 0, "kafka_offset": 0, "batch_index": 0}] * 2})
    assert main(typing) == 1

    said = capsys.readouterr().out
    assert "events_exactly_once: 1 rows" in said
    assert "facts_exactly_once: good" in said


def test_a_check_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "events_twice"]) == 1

    assert "check is events_twice; expected one of a_cohort_keeps_its_size" in capsys.readouterr().err


@pytest.mark.stack
def test_the_digest_of_a_mart_tells_other_rows_from_the_same(
    typed: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"app": "dispo", "event_id": "a", "user_id": "ana", "received_at": pd.Timestamp("2026-11-20T10:00:00Z")}
    mart = next(model for model in build.models() if model.name == "daily_totals_v1")
    found = []
    for rows in ([row], [row], [{**row, "user_id": None}]):
        put(typed, {"raw.events_v1": rows})
        list(build.build(typed, mart, [DAY]))
        assert main(["digest"]) == 0
        found.append(capsys.readouterr().out.splitlines())

    once, twice, other = found
    assert once == twice
    assert len(once) == 10
    assert {line.partition(":")[0] for line in set(other) - set(once)} == {mart.path}
