"""A warehouse of these tests' own: a project of its own on the test stack's emulator, made from nothing by `apply`."""

from datetime import date

import msgspec
import pytest

from schemas.settings import Settings
from sql import build, ddl
from sql.warehouse import Warehouse, opened

PROJECT = "sql-tests"
DAY = date(2026, 11, 20)


@pytest.fixture(scope="session")
def settings() -> Settings:
    import os

    return msgspec.structs.replace(Settings.read(os.environ), warehouse_project=PROJECT)


@pytest.fixture(scope="session")
def warehouse(settings: Settings) -> Warehouse:
    made = opened(settings)
    for dataset in ddl.DATASETS:
        made.run(f"drop schema if exists {dataset} cascade")
    for _ in build.apply(made, settings, DAY):
        pass
    return made
