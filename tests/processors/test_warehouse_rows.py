from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.processor import Effects
from processors.stores import warehouse_rows
from processors.stores.warehouse_rows import ROWS_AT_ONCE, Record, Request, oldest, records, requests, schema
from schemas.topics import Origin
from schemas.warehouse import EVENTS, FACTS
from tests.builders import NOON, a_track, an_events_record, an_origin, user_registered
from tests.processors.warehouses import effects_of, spoilt

EVENTS_SCHEMA = schema(EVENTS)


def some(rows_of_each: list[int]) -> list[Record]:
    """Records with so many events each, at offsets 0, 1, ..."""
    return records(
        effects_of(an_events_record([a_track() for _ in range(count)]), offset)
        for offset, count in enumerate(rows_of_each)
    )


def packed(found: list[Record]) -> tuple[list[Request], dict[Origin, str]]:
    refused: dict[Origin, str] = {}
    return list(requests(found, EVENTS_SCHEMA, refused.__setitem__)), refused


def read(request: Request) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pa.ipc.read_record_batch(pa.py_buffer(request.batch), EVENTS_SCHEMA).to_pylist()
    return rows


def test_json_columns_say_so_to_bigquery() -> None:
    field = EVENTS_SCHEMA.field("properties")

    assert (field.type, field.metadata) == (pa.string(), {b"ARROW:extension:name": b"google:sqlType:json"})


def test_a_row_knows_the_position_of_its_record() -> None:
    (request,), _ = packed(some([2, 1]))

    assert [(row["kafka_offset"], row["batch_index"]) for row in read(request)] == [(0, 0), (0, 1), (1, 0)]
    assert [request.origin_of(row).offset for row in range(3)] == [0, 0, 1]


@settings(max_examples=20)
@given(st.lists(st.sampled_from([1, 400, 500]), min_size=1, max_size=20))
def test_requests_hold_whole_records_in_order_within_the_limit(rows_of_each: list[int]) -> None:
    made, refused = packed(some(rows_of_each))

    assert [origin.offset for request in made for origin in request.origins] == list(range(len(rows_of_each)))
    assert sum(request.rows for request in made) == sum(rows_of_each)
    assert all(request.rows <= ROWS_AT_ONCE for request in made)
    assert refused == {}


def test_a_record_without_rows_asks_for_nothing() -> None:
    assert records([Effects(an_origin(), ())]) == []


def test_a_value_of_the_wrong_type_refuses_its_own_record_only() -> None:
    good, bad, other = (effects_of(an_events_record(), offset) for offset in range(3))

    made, refused = packed(records([good, spoilt(bad, name=7), other]))

    assert [origin.offset for request in made for origin in request.origins] == [0, 2]
    assert [origin.offset for origin in refused] == [1]


def test_a_null_where_none_may_stand_refuses_the_record() -> None:
    _, refused = packed(records([spoilt(effects_of(an_events_record(), 0), app=None)]))

    assert "app is NULL" in next(iter(refused.values()))


def test_half_a_character_refuses_the_record() -> None:
    _, refused = packed(records([spoilt(effects_of(an_events_record(), 0), name="\ud800")]))

    assert len(refused) == 1


def test_a_record_larger_than_a_request_is_refused_and_says_its_size() -> None:
    huge = spoilt(effects_of(an_events_record(), 1), properties="x" * (warehouse_rows.BYTES_AT_ONCE + 1))

    made, refused = packed(records([effects_of(an_events_record(), 0), huge]))

    assert [origin.offset for request in made for origin in request.origins] == [0]
    assert "bytes" in refused[huge.origin]


def test_records_too_large_together_go_in_two_requests() -> None:
    large = "x" * (warehouse_rows.BYTES_AT_ONCE // 2)
    pair = [spoilt(effects_of(an_events_record(), offset), properties=large) for offset in range(2)]

    made, refused = packed(records(pair))

    assert ([request.rows for request in made], refused) == ([1, 1], {})


def test_rows_with_long_documents_are_not_packed_to_be_torn_apart_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    pack = warehouse_rows._request

    def counted(group: Sequence[Record], schema: pa.Schema) -> Request:
        tried.append(len(group))
        return pack(group, schema)

    monkeypatch.setattr(warehouse_rows, "_request", counted)
    large = "x" * (warehouse_rows.BYTES_AT_ONCE * 2 // 9)
    packed(records([spoilt(effects_of(an_events_record(), offset), properties=large) for offset in range(8)]))

    assert tried == [4, 4]


def test_the_oldest_record_decides_how_far_back_to_look() -> None:
    assert oldest(records([effects_of(an_events_record(received_at=NOON), 0)]), EVENTS) == NOON
    assert oldest(records([effects_of(user_registered(at=NOON), 0)]), FACTS) == NOON
