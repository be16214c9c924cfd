"""Rows as the requests that append them: whole Kafka records, in order, within BigQuery's limits. No I/O."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

import pyarrow as pa

from processors.intents import Row
from processors.processor import Effects
from schemas.topics import Origin
from schemas.warehouse import Column, ColumnType, Table

ROWS_AT_ONCE = 4_000  # an append costs the emulator 70 ms of CPU and 3 us per row
BYTES_AT_ONCE = 9_000_000  # BigQuery refuses a request above 10 MB; a batch's own frame is small

_JSON = {"ARROW:extension:name": "google:sqlType:json"}
_ARROW: Mapping[ColumnType, pa.DataType] = {
    "STRING": pa.string(),
    "INT64": pa.int64(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    "JSON": pa.string(),
}
_UNFIT = (ValueError, TypeError, OverflowError)  # what Arrow raises for a value that is not of its column


@dataclass(frozen=True)
class Record:
    """The rows of one Kafka record: all of them stand in one request, or none does."""

    origin: Origin
    rows: tuple[Mapping[str, object], ...]


@dataclass(frozen=True)
class Request:
    """What one AppendRows carries; `ends[i]` is the number of rows up to and with the i-th record."""

    origins: tuple[Origin, ...]
    ends: tuple[int, ...]
    batch: bytes

    @property
    def rows(self) -> int:
        """How far the stream advances when it is accepted."""
        return self.ends[-1]

    def origin_of(self, row: int) -> Origin:
        """The Kafka record that the request's row came from."""
        return self.origins[bisect_right(self.ends, row)]


def records(effects: Iterable[Effects]) -> list[Record]:
    """The records that have rows."""
    found = (Record(each.origin, tuple(i.values for i in each.intents if isinstance(i, Row))) for each in effects)
    return [record for record in found if record.rows]


def oldest(records: Iterable[Record], table: Table) -> datetime:
    """The earliest value of the column the table is partitioned by; a record's rows share one day's."""
    times = [record.rows[0].get(table.partition_by or "") for record in records]
    return min((time for time in times if isinstance(time, datetime)), default=datetime.max.replace(tzinfo=UTC))


def schema(table: Table) -> pa.Schema:
    """The table's columns in Arrow's words."""
    return pa.schema([_field(column) for column in table.columns])


def _field(column: Column) -> pa.Field:
    metadata = _JSON if column.type == "JSON" else None
    return pa.field(column.name, _ARROW[column.type], nullable=not column.required, metadata=metadata)


def requests(records: Sequence[Record], schema: pa.Schema, refuse: Callable[[Origin, str], None]) -> Iterator[Request]:
    """`records` in order, packed; the ones that no request can carry go to `refuse` with the reason."""
    for group in _groups(records, [field.name for field in schema if field.metadata]):
        yield from _packed(group, schema, refuse)


def _groups(records: Sequence[Record], documents: Sequence[str]) -> Iterator[list[Record]]:
    """By rows, and by the length of their documents, so that few groups prove too large once they are bytes."""
    group: list[Record] = []
    rows = length = 0
    for record in records:
        more = _length(record, documents)
        if group and (rows + len(record.rows) > ROWS_AT_ONCE or length + more > BYTES_AT_ONCE):
            yield group
            group, rows, length = [], 0, 0
        group.append(record)
        rows, length = rows + len(record.rows), length + more
    if group:
        yield group


def _length(record: Record, documents: Sequence[str]) -> int:
    texts = (row.get(name) for row in record.rows for name in documents)
    return sum(len(text) for text in texts if isinstance(text, str))


def _packed(group: Sequence[Record], schema: pa.Schema, refuse: Callable[[Origin, str], None]) -> Iterator[Request]:
    """One request when it fits, else the two halves: so a bad or huge record ends up alone."""
    try:
        request = _request(group, schema)
        problem = _problem(request)
    except _UNFIT as error:
        problem = f"not a row of this table: {error}"
    if problem is None:
        yield request
    elif len(group) == 1:
        refuse(group[0].origin, problem)
    else:
        half = len(group) // 2
        yield from _packed(group[:half], schema, refuse)
        yield from _packed(group[half:], schema, refuse)


def _problem(request: Request) -> str | None:
    if len(request.batch) <= BYTES_AT_ONCE:
        return None
    return f"its {request.rows} rows take {len(request.batch)} bytes; expected at most {BYTES_AT_ONCE}"


def _request(group: Sequence[Record], schema: pa.Schema) -> Request:
    ends = tuple(accumulate(len(record.rows) for record in group))
    origins = tuple(record.origin for record in group)
    return Request(origins, ends, _batch(group, schema).serialize().to_pybytes())


def _batch(group: Sequence[Record], schema: pa.Schema) -> pa.RecordBatch:
    rows = [row for record in group for row in record.rows]
    position: Mapping[str, list[object]] = {
        "kafka_partition": [record.origin.partition for record in group for _ in record.rows],
        "kafka_offset": [record.origin.offset for record in group for _ in record.rows],
    }
    columns = [position.get(name) or [row.get(name) for row in rows] for name in schema.names]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return _checked(pa.RecordBatch.from_arrays(arrays, schema=schema))


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Arrow itself lets a NULL stand in a column that may have none."""
    for field, values in zip(batch.schema, batch.columns, strict=True):
        if not field.nullable and values.null_count:
            raise ValueError(f"{field.name} is NULL; the column is NOT NULL")
    return batch
