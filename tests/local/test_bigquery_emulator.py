"""What the launcher mends in the emulator: each of these fails on a plain `local-bigquery` 0.4.0."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

from local.stack import Stack
from schemas.settings import emulator

pytestmark = pytest.mark.stack
SCHEMA = pa.schema(
    [
        pa.field("n", pa.int64()),
        pa.field("doc", pa.string(), metadata={"ARROW:extension:name": "google:sqlType:json"}),
    ]
)
UNUSUAL = SCHEMA.set(0, pa.field("n", pa.int32()))  # goes in by the emulator's own way
INVALID = 3  # google.rpc.Code.INVALID_ARGUMENT
SLOW_MERGE = """
MERGE scratch.{name}_counted AS kept USING (
  SELECT (SELECT COUNT(*) FROM scratch.{name}) AS n, COUNTIF(MOD(a * b, 7) = 3) AS of
  FROM UNNEST(GENERATE_ARRAY(1, 100000)) AS a, UNNEST(GENERATE_ARRAY(1, 5000)) AS b
) AS made ON FALSE
WHEN NOT MATCHED BY TARGET THEN INSERT (n, of) VALUES (n, of)
"""
EXISTS = 6


class Scratch:
    """A table of its own, and one write stream into it."""

    def __init__(self, stack: Stack, name: str) -> None:
        where = emulator(stack.settings.warehouse_emulator)
        assert where is not None
        nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        self.sql = bigquery.Client(project="local", credentials=nobody, client_options={"api_endpoint": where.rest})
        self.sql.query_and_wait("CREATE SCHEMA IF NOT EXISTS scratch")
        self.sql.query_and_wait(f"CREATE OR REPLACE TABLE scratch.{name} (n INT64, doc JSON)")
        channel = grpc.insecure_channel(where.grpc)
        self.writer: Any = BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))  # type: ignore[no-untyped-call]
        self.name = name
        committed = types.WriteStream(type_=types.WriteStream.Type.COMMITTED)
        parent = f"projects/local/datasets/scratch/tables/{name}"
        self.stream = self.writer.create_write_stream(parent=parent, write_stream=committed).name

    def append(
        self, offset: int, *rows: tuple[int | None, str | None], schema: pa.Schema = SCHEMA
    ) -> types.AppendRowsResponse:
        batch = pa.record_batch([[n for n, _ in rows], [doc for _, doc in rows]], schema=schema)
        request = types.AppendRowsRequest(write_stream=self.stream, offset=offset)
        request.arrow_rows.writer_schema.serialized_schema = schema.serialize().to_pybytes()
        request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()
        answers: Iterator[types.AppendRowsResponse] = iter(self.writer.append_rows(iter([request])))
        return next(answers)

    def finalize(self) -> int:
        return int(self.writer.finalize_write_stream(name=self.stream).row_count)

    def stored(self) -> list[int]:
        return sorted(row.n for row in self.sql.query_and_wait(f"SELECT n FROM scratch.{self.name}"))

    def counted(self) -> list[int]:
        """What `SLOW_MERGE` saw, once it has committed."""
        return [row.n for row in self.sql.query_and_wait(f"SELECT n FROM scratch.{self.name}_counted")]

    def close(self) -> None:
        self.writer.transport.close()
        self.sql.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def scratch(parts: Stack, request: pytest.FixtureRequest) -> Iterator[Scratch]:
    name = "".join(letter for letter in request.node.name if letter.isalnum())
    with closing(Scratch(parts, name)) as scratch:
        yield scratch


def error(response: types.AppendRowsResponse) -> tuple[int, list[int]]:
    return response.error.code, [row.index for row in response.row_errors]


def test_a_malformed_value_keeps_its_whole_batch_out_and_is_named(scratch: Scratch) -> None:
    response = scratch.append(0, (1, "{}"), (2, "{"), (3, "{}"))

    assert error(response) == (INVALID, [1])
    assert scratch.stored() == []


def test_the_good_rows_go_in_once_at_the_same_offset(scratch: Scratch) -> None:
    scratch.append(0, (1, "{}"), (2, "{"), (3, "{}"))

    response = scratch.append(0, (1, "{}"), (3, "{}"))

    assert error(response) == (0, [])
    assert scratch.stored() == [1, 3]


def test_a_single_malformed_row_is_a_row_error_too(scratch: Scratch) -> None:
    assert error(scratch.append(0, (1, "{"))) == (INVALID, [0])


def test_rows_that_go_in_whole_are_the_same_as_rows_that_go_in_by_the_emulators_own_way(scratch: Scratch) -> None:
    rows = [(1, '{"a": "\u00e9\\n", "n": 1.50}'), (None, "[]"), (3, None), (2**31 - 1, '"\u2028"')]

    answers = [scratch.append(0, *rows), scratch.append(4, *rows, schema=UNUSUAL)]

    assert [error(answer) for answer in answers] == [(0, [])] * 2
    sql = f"SELECT n, TO_JSON_STRING(doc) AS doc, COUNT(*) AS copies FROM scratch.{scratch.name} GROUP BY n, doc"
    assert [row.copies for row in scratch.sql.query_and_wait(sql)] == [2] * 4


def test_a_null_where_none_may_stand_keeps_its_batch_out_and_is_named(scratch: Scratch) -> None:
    scratch.sql.query_and_wait(f"CREATE OR REPLACE TABLE scratch.{scratch.name} (n INT64 NOT NULL, doc JSON)")

    assert error(scratch.append(0, (1, "{}"), (None, "{}"))) == (INVALID, [1])
    assert scratch.stored() == []


def test_of_many_appends_at_one_offset_one_goes_in(scratch: Scratch) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: scratch.append(0, (n, "{}")).error.code, range(8)))

    assert sorted(answers) == [0] + 7 * [EXISTS]
    assert len(scratch.stored()) == 1


def test_what_finalize_counts_is_what_there_will_ever_be(scratch: Scratch) -> None:
    def append(n: int) -> Any:
        return scratch.append(n, *((n, "{}") for _ in range(1)))

    with ThreadPoolExecutor(2) as pool:
        appending = pool.submit(lambda: [append(n).error.code for n in range(40)])
        while not scratch.stored():
            pass
        counted = scratch.finalize()
        at_once = scratch.stored()
        codes = appending.result()

    assert len(at_once) == counted == codes.count(0)
    assert scratch.stored() == at_once


def test_a_message_larger_than_the_protocols_usual_limit_goes_in(scratch: Scratch) -> None:
    large = '"' + 6_000_000 * "x" + '"'

    assert error(scratch.append(0, (1, large))) == (0, [])


def test_writers_take_turns(scratch: Scratch) -> None:
    """An append is answered when a MERGE under way has committed, so neither makes the other's commit fail."""
    scratch.sql.query_and_wait(f"CREATE OR REPLACE TABLE scratch.{scratch.name}_counted (n INT64, of INT64)")
    with ThreadPoolExecutor(1) as pool:
        merge = pool.submit(scratch.sql.query_and_wait, SLOW_MERGE.format(name=scratch.name))
        time.sleep(0.5)  # it has read by now, and not yet written; where it has not even begun it sees the row, below
        scratch.append(0, (1, "{}"))
        merged = scratch.counted()
        merge.result()

    assert merged or scratch.counted() == [1], "the append went in between what the MERGE read and what it wrote"
