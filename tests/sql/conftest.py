"""A warehouse of these tests' own: a project of its own on the test stack's emulator, made from nothing by `apply`."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from local.stack import Stack
from schemas.settings import Settings
from sql import build, ddl
from sql.warehouse import Warehouse, opened

PROJECT = "sql-tests"  # beside the stack's own, so that neither sees the other's rows
DAY = date(2026, 11, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """More time than others, against a hang only: whichever test comes first makes the whole warehouse."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture(scope="session")
def settings(parts: Stack) -> Settings:
    """The test stack's, but for the project."""
    return msgspec.structs.replace(parts.settings, warehouse_project=PROJECT)


@pytest.fixture(scope="session")
def warehouse(settings: Settings) -> Warehouse:
    """Datasets, tables and models as `apply` makes them where there was nothing."""
    made = opened(settings)
    for dataset in ddl.DATASETS:
        made.run(f"drop schema if exists {dataset} cascade")
    for _ in build.apply(made, settings, []):
        pass
    return made
