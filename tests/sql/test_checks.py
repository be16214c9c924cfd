"""Every check: it reads what it claims about, is content with sound rows, and finds the fault that is planted."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from sql import build
from sql.plan import Model, tables_in
from sql.warehouse import Warehouse
from tests.sql.conftest import DAY
from tests.sql.examples import put

PLANTS = Path(__file__).parent / "plants"
CHECKS = {check.name: check for check in build.checks()}
MODELS = {model.name: model for model in build.models()}


class Plant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows that are as they should be, the marts built from them, and the statement that spoils either.

    `rebuilds`: the fault is in the raw rows, and the marts show it when they are built again.
    """

    sound: dict[str, list[dict[str, Any]]]
    fault: str
    builds: list[str] = []
    rebuilds: bool = False


def test_every_check_has_its_plant() -> None:
    assert {file.stem for file in PLANTS.glob("*.yaml")} == CHECKS.keys()


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_every_model_is_read_by_a_check(model: Model) -> None:
    assert any(model.path in tables_in(check.body) for check in CHECKS.values())


@pytest.mark.stack
@pytest.mark.parametrize("name", CHECKS)
def test_a_check_finds_the_fault_that_is_planted(name: str, warehouse: Warehouse) -> None:
    plant = msgspec.convert(yaml.safe_load((PLANTS / f"{name}.yaml").read_text()), Plant)
    put(warehouse, plant.sound)
    built(warehouse, plant)
    assert len(warehouse.df(CHECKS[name].body, day=DAY)) == 0

    warehouse.run(plant.fault)
    if plant.rebuilds:
        built(warehouse, plant)

    assert len(warehouse.df(CHECKS[name].body, day=DAY)) > 0


def built(warehouse: Warehouse, plant: Plant) -> None:
    """The marts that the check reads, of the day."""
    for name in plant.builds:
        for _ in build.build(warehouse, MODELS[name], [DAY]):
            pass
