"""Every model: its header, its last line, its examples on the real emulator."""

from pathlib import Path

import pytest

from sql import build
from sql.plan import Model
from sql.warehouse import Warehouse
from tests.sql.examples import FOLDER, cases, outcome, put, read

MODELS = {model.name: model for model in build.models()}


def test_every_sql_file_is_a_model_or_a_check_with_its_header() -> None:
    files = {file for file in build.FOLDER.rglob("*.sql")}

    assert len(files) == len(MODELS) + len(build.checks())


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_a_model_ends_in_its_last_step(model: Model) -> None:
    first, *rest = model.body.splitlines()[-1].split("from ")

    assert (first, len(rest)) == ("select * ", 1)
    assert f"{rest[0]} as (" in model.body


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_an_example(name: str) -> None:
    assert list((FOLDER / name).glob("*.yaml")), f"no example in tests/sql/cases/{name}/"


def test_every_example_is_of_a_model() -> None:
    assert {file.parent.name for file in cases()} <= MODELS.keys()


@pytest.mark.stack
@pytest.mark.parametrize("file", cases(), ids=lambda file: f"{file.parent.name}: {file.stem.replace('_', ' ')}")
def test_the_example_holds(file: Path, warehouse: Warehouse) -> None:
    model, case = MODELS[file.parent.name], read(file)
    put(warehouse, case.given)

    found = outcome(warehouse, model, case)

    asked = case.expect[0].keys() if case.expect else ()
    if model.kind == "table":
        assert all(row.keys() == asked for row in found), "an example of a mart names all its columns"
    assert sorted([{name: row[name] for name in asked} for row in found], key=repr) == sorted(case.expect, key=repr)
