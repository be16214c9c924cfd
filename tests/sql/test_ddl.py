"""The statements, without a warehouse: what is added, and what is refused."""

import msgspec
import pytest

from schemas.settings import Settings
from schemas.warehouse import TABLES, Column, Table
from sql import ddl
from sql.ddl import BreakingChange, changes, create
from sql.plan import Model, PlanError

ID = Column("id", "STRING", "its id", required=True)
AT = Column("at", "TIMESTAMP", "when", required=True)
NOTE = Column("note", "STRING", "it's free")


def a_table(*columns: Column, partition_by: str | None = None, cluster_by: tuple[str, ...] = ()) -> Table:
    return Table(
        dataset="raw",
        name="things_v1",
        grain="one thing",
        columns=columns or (ID, AT),
        partition_by=partition_by,
        cluster_by=cluster_by,
    )


def test_a_table_is_made_as_declared() -> None:
    table = msgspec.structs.replace(a_table(ID, AT, NOTE, partition_by="at", cluster_by=("id",)), must_filter=True)

    assert create(table) == (
        "create table if not exists raw.things_v1 (\n"
        "  `id` STRING not null options (description = 'its id'),\n"
        "  `at` TIMESTAMP not null options (description = 'when'),\n"
        "  `note` STRING options (description = 'it\\'s free')\n"
        ")\n"
        "partition by date(`at`)\n"
        "cluster by `id`\n"
        "options (description = 'one row per: one thing', require_partition_filter = true)"
    )


def test_a_table_that_is_as_declared_needs_nothing() -> None:
    assert all(changes(table, table) == [] for table in TABLES)


def test_a_new_optional_column_is_added() -> None:
    [statement] = changes(a_table(ID, AT, NOTE), found=a_table(ID, AT))

    assert statement.startswith("alter table raw.things_v1 add column if not exists `note` STRING")


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        (a_table(ID), "column at is there but no longer declared"),
        (a_table(ID, AT, Column("n", "INT64", "", required=True)), "new column n is NOT NULL"),
        (a_table(ID, Column("at", "STRING", "", required=True)), "column at is TIMESTAMP and declared STRING"),
        (a_table(ID, Column("at", "TIMESTAMP", "")), "column at is NOT NULL and declared NULLABLE"),
        (a_table(ID, AT, partition_by="at"), "partition_by is None and declared 'at'"),
        (a_table(ID, AT, cluster_by=("id",)), "cluster_by is"),
    ],
)
def test_a_change_that_would_lose_or_rewrite_rows_stops(declared: Table, why: str) -> None:
    with pytest.raises(BreakingChange, match=f"raw.things_v1: {why}"):
        changes(declared, found=a_table(ID, AT))


def test_claims_are_seeded_for_the_column_of_partitions_that_the_settings_name() -> None:
    local, production = (ddl.seed_claims(Settings(kafka_partitions=column)) for column in ("local", "production"))

    assert "'events.v1' as topic, 8 as partitions" in local
    assert "'facts.v1' as topic, 64 as partitions" in production


@pytest.mark.parametrize("columns", [(), (Column("day", "STRING", ""),)])
def test_a_mart_without_the_day_it_replaces_is_refused(columns: tuple[Column, ...]) -> None:
    mart = Model(
        dataset="marts", name="m_v1", grain="", reads=(), partition="day", owner="", limits="", takes="", body=""
    )

    with pytest.raises(PlanError, match="is partitioned by day; expected a DATE"):
        ddl.mart(mart, columns)


@pytest.mark.parametrize("value", ["it's", "back\\slash", "two\nlines"])
def test_a_literal_is_one_line_and_closes_where_it_should(value: str) -> None:
    literal = ddl.text(value)

    assert "\n" not in literal
    assert literal[1:-1].replace("\\\\", "").replace("\\'", "").find("'") == -1
