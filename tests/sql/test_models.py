"""Every model: its header, its last line, its examples on the real emulator."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sql import build
from sql.plan import Model
from sql.warehouse import Warehouse
from tests.sql.examples import FOLDER, Case, cases, outcome, put, read

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


@pytest.mark.stack
def test_of_a_hundred_and_one_photos_a_hundred_are_top(warehouse: Warehouse) -> None:
    noon, photos = datetime(2026, 11, 20, 12, tzinfo=UTC), [f"{number:03}" for number in range(1, 102)]
    captured = {"user_id": "ana", "payload": {"visibility": "public", "reveal_at": "2026-11-20T09:00:00Z"}}
    facts = [
        {"type": type_, "aggregate": photo, "accepted_at": noon, **captured}
        for photo in photos
        for type_ in ("PhotoCaptured", "PhotoDeveloped")
    ]
    viewed = {"user_id": "ben", "name": "Photo Viewed", "received_at": noon}
    views = [{**viewed, "properties": {"photo": photo}} for photo in photos]
    put(warehouse, {"raw.facts_v1": facts, "raw.events_v1": views})

    found = outcome(warehouse, MODELS["top_photos_v1"], Case(given={}, expect=[]))

    assert sorted((row["place"], row["photo"]) for row in found) == list(enumerate(photos[:100], 1))
