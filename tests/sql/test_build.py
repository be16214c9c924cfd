"""`apply` on the real emulator: twice is once, and nothing that stands is lost."""

from datetime import UTC, date, datetime, time

import msgspec
import pytest

from schemas.settings import Settings
from schemas.warehouse import EVENTS, FACTS, SINK_CLAIMS, Column, Table
from sql import build, ddl
from sql.ddl import BreakingChange
from sql.plan import Model, parse
from sql.warehouse import Warehouse
from tests.sql.examples import put, rows_of

pytestmark = pytest.mark.stack

DAY, NEXT_DAY = date(2026, 11, 20), date(2026, 11, 21)
MODELS = {model.name: model for model in build.models()}


def at(day: date) -> datetime:
    """Noon of that day, our clock."""
    return datetime.combine(day, time(12), UTC)


def built(warehouse: Warehouse, mart: Model, day: date) -> None:
    """That day of the mart, anew."""
    assert list(build.build(warehouse, mart, [day])) == [f"{mart.path}: {day} replaced"]


@pytest.mark.parametrize("table", [EVENTS, FACTS, SINK_CLAIMS], ids=lambda table: table.path)
def test_a_table_stands_as_it_is_declared(warehouse: Warehouse, table: Table) -> None:
    assert warehouse.found(table) == table


def test_seeding_again_keeps_the_streams_that_claim(warehouse: Warehouse, settings: Settings) -> None:
    warehouse.run("update meta.sink_claims set stream = 'mine' where topic = 'events.v1' and kafka_partition = 3")
    warehouse.run("delete from meta.sink_claims where topic = 'facts.v1' and kafka_partition = 7")

    warehouse.run(ddl.seed_claims(settings))

    claims = warehouse.df("select topic, stream, count(*) as n from meta.sink_claims group by topic, stream")
    assert sorted(tuple(row) for row in claims.itertuples(index=False)) == [
        ("events.v1", "", 7),
        ("events.v1", "mine", 1),
        ("facts.v1", "", 8),
    ]
    warehouse.run("update meta.sink_claims set stream = '' where stream = 'mine'")


def test_a_column_is_added_beside_the_rows_that_stand(warehouse: Warehouse) -> None:
    warehouse.run("drop table if exists raw.things_v1")
    first = msgspec.structs.replace(SINK_CLAIMS, dataset="raw", name="things_v1", columns=(Column("id", "STRING", ""),))
    wider = msgspec.structs.replace(first, columns=(*first.columns, Column("note", "STRING", "said later")))
    build.bring(warehouse, first)
    warehouse.run("insert into raw.things_v1 (id) values ('a')")

    assert build.bring(warehouse, wider) == "raw.things_v1: 1 columns added"
    assert build.bring(warehouse, wider) == "raw.things_v1: as declared"

    assert rows_of(warehouse.df("select * from raw.things_v1")) == [{"id": "a", "note": None}]
    with pytest.raises(BreakingChange, match="note is there but no longer declared"):
        build.bring(warehouse, first)


def test_a_day_is_replaced_and_the_others_stay(warehouse: Warehouse) -> None:
    mart = MODELS["daily_activity_v1"]
    put(warehouse, {"raw.events_v1": [{"received_at": at(DAY)}, {"event_id": "b", "received_at": at(NEXT_DAY)}]})
    built(warehouse, mart, DAY)
    built(warehouse, mart, NEXT_DAY)

    put(warehouse, {"raw.events_v1": []})
    built(warehouse, mart, NEXT_DAY)

    days = warehouse.df("select activity_date from marts.daily_activity_v1 where activity_date >= '2026-11-20'")
    assert list(days["activity_date"]) == [DAY]


def test_a_mart_whose_query_gives_another_column_gains_it(warehouse: Warehouse) -> None:
    mart = MODELS["daily_activity_v1"]
    wide = mart.body.replace("    from events\n    left", "    , 0.5 as half\n    from events\n    left")
    wider = msgspec.structs.replace(mart, name="wider_v1", body=wide)
    warehouse.run("drop table if exists marts.wider_v1")
    put(warehouse, {"raw.events_v1": [{"received_at": at(DAY)}]})
    built(warehouse, msgspec.structs.replace(mart, name="wider_v1"), DAY)

    built(warehouse, wider, DAY)

    assert list(warehouse.df("select half from marts.wider_v1")["half"]) == [0.5]


def test_a_raw_table_refuses_a_query_without_its_day(warehouse: Warehouse) -> None:
    with pytest.raises(Exception, match="without a filter"):
        warehouse.df("select count(*) from raw.events_v1")


def test_a_plain_view_may_be_staged(warehouse: Warehouse) -> None:
    header = "-- grain: one claim\n-- reads: meta.sink_claims\n-- partition: none\n-- owner: us\n-- limits: none\n"
    view = parse("staging", "stg_claims", header + "select topic from meta.sink_claims")

    assert list(build.build(warehouse, view, [DAY])) == ["staging.stg_claims: view replaced"]
    assert len(warehouse.df("select * from staging.stg_claims")) == 16
