"""Brings the warehouse to what is declared: datasets, raw tables, claims, staging, then marts day by day."""

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.settings import Settings
from schemas.warehouse import TABLES, Table
from sql import ddl, plan
from sql.plan import Check, Model, PlanError
from sql.warehouse import Warehouse

FOLDER = Path(__file__).parent
ANY_DAY = datetime.date(2026, 1, 1)  # a model gives the same columns whatever day it is asked for


def models(folder: Path = FOLDER) -> tuple[Model, ...]:
    """Every model of this room, in the order in which they can be built."""
    files = [file for dataset in ("staging", "marts") for file in sorted((folder / dataset).glob("*.sql"))]
    parsed = [plan.parse(file.parent.name, file.stem, file.read_text()) for file in files]
    return plan.ordered(parsed, [table.path for table in TABLES])


def checks(folder: Path = FOLDER) -> tuple[Check, ...]:
    """Every check of this room, by name."""
    return tuple(plan.parse_check(file.stem, file.read_text()) for file in sorted((folder / "checks").glob("*.sql")))


def chosen(names: Sequence[str]) -> tuple[Check, ...]:
    """The checks of these names, or all when none is named; `PlanError` names one that is not there."""
    there = {check.name: check for check in checks()}
    if unknown := [name for name in names if name not in there]:
        raise PlanError(f"check is {unknown[0]}; expected one of {', '.join(there)}")
    return tuple(there[name] for name in names or there)


def apply(warehouse: Warehouse, settings: Settings, days: Sequence[datetime.date]) -> Iterator[str]:
    """Does each step as it is asked for and says what was done; may be run twice, and beside a running sink."""
    for statement in ddl.create_datasets():
        warehouse.run(statement)
    for table in TABLES:
        yield bring(warehouse, table)
    warehouse.run(ddl.seed_claims(settings))
    for model in models():
        yield from build(warehouse, model, days)


def bring(warehouse: Warehouse, table: Table) -> str:
    """Creates a table or adds the columns it lacks; `BreakingChange` when that is not enough."""
    found = warehouse.found(table)
    if found is None:
        warehouse.run(ddl.create(table))
        return f"{table.path}: created"
    added = ddl.changes(table, found)
    for statement in added:
        warehouse.run(statement)
    return f"{table.path}: {len(added)} columns added" if added else f"{table.path}: as declared"


def build(warehouse: Warehouse, model: Model, days: Sequence[datetime.date]) -> Iterator[str]:
    """Refreshes a view, or makes a mart's table and replaces these days of it, one after the other."""
    if model.kind != "table":
        warehouse.run(ddl.replace_staging(model))
        yield f"{model.path}: {model.kind} replaced"
        return
    table = ddl.mart(model, warehouse.columns(model.body, day=ANY_DAY))
    bring(warehouse, table)
    for day in days:
        warehouse.run(ddl.replace_partition(table, model.body), day=day)
        yield f"{model.path}: {day} replaced"
