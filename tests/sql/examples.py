"""A model's examples: rows in, rows out, one YAML file each; the file's name is the sentence it proves."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import yaml

from schemas.warehouse import TABLES, Column, Table
from sql import build, ddl
from sql.plan import Model
from sql.warehouse import Warehouse

FOLDER = Path(__file__).parent / "cases"
RAW = [table for table in TABLES if table.dataset == "raw"]
CHUNK = 1000  # rows of one insert
Row = Mapping[str, Any]


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of raw tables, what is asked (a mart's `day`, a table function's arguments), and the rows that come out.

    A given row names only the columns that matter; an expected row of a mart names all, of staging those that matter.
    """

    given: dict[str, list[dict[str, Any]]]
    expect: list[dict[str, Any]]
    day: date = date(2026, 11, 20)
    takes: list[date] = []


def cases() -> list[Path]:
    """Every example, as `<model>/<sentence>.yaml`."""
    return sorted(FOLDER.glob("*/*.yaml"))


def read(file: Path) -> Case:
    """The example in a file; an unknown or missing member is an error."""
    return msgspec.convert(yaml.safe_load(file.read_text()), Case)


def put(warehouse: Warehouse, given: Mapping[str, Iterable[Row]]) -> None:
    """Makes these rows the only ones in the raw tables."""
    assert given.keys() <= {table.path for table in RAW}
    gone = [f"delete from {table.path} where {ddl.name(table.partition_by or '')} is not null" for table in RAW]
    come = [_insert(table, rows) for table in RAW if (rows := list(given.get(table.path, ())))]
    warehouse.run(";\n".join([*gone, *come]))


def load(warehouse: Warehouse, given: Mapping[str, Iterable[Row]]) -> None:
    """As `put`, for thousands of rows: those that name every required column."""
    put(warehouse, {})
    for path, rows in given.items():
        sent = [{name: _sendable(value) for name, value in row.items()} for row in rows]
        for at in range(0, len(sent), CHUNK):
            assert warehouse.client.insert_rows_json(path, sent[at : at + CHUNK]) == []


def _sendable(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict) else value.isoformat() if isinstance(value, date) else value


def outcome(warehouse: Warehouse, model: Model, case: Case) -> list[dict[str, Any]]:
    """What the model gives. A mart is built twice, since a run must leave what the one before it left."""
    if model.kind == "table":
        for _ in build.build(warehouse, model, [case.day, case.day]):
            pass
        return rows_of(warehouse.df(f"select * from {model.path} where {model.partition} = @day", day=case.day))
    arguments = ", ".join(f"date '{day}'" for day in case.takes)
    return rows_of(warehouse.df(f"select * from {model.path}" + (f"({arguments})" if model.takes else "")))


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The frame's rows with None where pandas writes NaN."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]


def _insert(table: Table, rows: list[Row]) -> str:
    names = ", ".join(ddl.name(column.name) for column in table.columns)
    values = ",\n".join(
        f"({', '.join(_literal(column, _value(table, column, row, at)) for column in table.columns)})"
        for at, row in enumerate(rows)
    )
    for row in rows:
        assert row.keys() <= {column.name for column in table.columns}, f"{table.path} has no such columns: {row}"
    return f"insert into {table.path} ({names}) values {values}"


def _value(table: Table, column: Column, row: Row, at: int) -> Any:
    """The row's own value, else for a required column one that cannot matter; ids differ from row to row."""
    if column.name in row or not column.required:
        return row.get(column.name)
    if column.name in ("event_id", "fact_id"):
        return f"{column.name} {at}"
    return {"INT64": at, "TIMESTAMP": row[table.partition_by or ""], "JSON": {}}.get(column.type, f"any {column.name}")


def _literal(column: Column, value: Any) -> str:
    if value is None:
        return "null"
    if column.type == "INT64":
        return str(value)
    if column.type == "TIMESTAMP":
        assert isinstance(value, datetime), f"{column.name} is {value!r}; expected a time with its zone"
        return f"timestamp '{value.isoformat()}'"
    return f"json {ddl.text(json.dumps(value))}" if column.type == "JSON" else ddl.text(str(value))
