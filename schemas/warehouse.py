"""BigQuery: the tables the sink writes, declared once.

`python -m sql apply` makes them; additive changes are applied, breaking ones stop.
"""

from typing import Literal

import msgspec

ColumnType = Literal["STRING", "INT64", "TIMESTAMP", "JSON", "DATE", "FLOAT64", "BOOL"]


class Column(msgspec.Struct, frozen=True):
    """A column; `required` means NOT NULL."""

    name: str
    type: ColumnType
    why: str
    required: bool = False


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table; `grain` says what one row is. Partitioned by the day of `partition_by`.

    `must_filter`: BigQuery refuses a query that does not filter on that column; raw tables are too large to scan whole.
    """

    dataset: str
    name: str
    grain: str
    columns: tuple[Column, ...]
    partition_by: str | None = None
    cluster_by: tuple[str, ...] = ()
    must_filter: bool = False

    @property
    def path(self) -> str:
        """`dataset.name`, as SQL names it."""
        return f"{self.dataset}.{self.name}"


_ORIGIN = (
    Column("kafka_partition", "INT64", "where the record stands in the log", required=True),
    Column("kafka_offset", "INT64", "with the partition: the record, exactly once", required=True),
)

EVENTS = Table(
    dataset="raw",
    name="events_v1",
    grain="one accepted analytics event",
    partition_by="received_at",
    cluster_by=("name", "user_id"),
    must_filter=True,
    columns=(
        Column(
            "event_id",
            "STRING",
            "the client's messageId, or one made from the body; may repeat across batches",
            required=True,
        ),
        Column("name", "STRING", "track: event; page and screen: name; else the type", required=True),
        Column("type", "STRING", "track, identify, page, screen, group or alias", required=True),
        Column("app", "STRING", "whose write key it came with", required=True),
        Column("user_id", "STRING", "as the client says; proves nothing"),
        Column("anonymous_id", "STRING", "the SDK's id of a device before sign-in"),
        Column("session", "STRING", "context.sessionId, if the SDK sends one"),
        Column(
            "occurred_at", "TIMESTAMP", "the client's clock as it reads; received_at when unreadable", required=True
        ),
        Column("received_at", "TIMESTAMP", "our clock when the batch was accepted", required=True),
        Column("sent_at", "TIMESTAMP", "the client's clock when it sent the batch"),
        Column("country", "STRING", "from the edge's header, if any"),
        Column("os", "STRING", "context.os.name"),
        Column("app_version", "STRING", "context.app.version"),
        Column("sdk", "STRING", "context.library as name/version"),
        Column("properties", "JSON", "as the client sent them (traits for identify and group)"),
        Column("context", "JSON", "the event's own context, else the batch's"),
        *_ORIGIN,
        Column("batch_index", "INT64", "with partition and offset: the event, exactly once", required=True),
    ),
)
FACTS = Table(
    dataset="raw",
    name="facts_v1",
    grain="one record of facts.v1",
    partition_by="accepted_at",
    cluster_by=("type", "aggregate"),
    must_filter=True,
    columns=(
        Column("fact_id", "STRING", "same id = same fact, however often it stands in the log", required=True),
        Column("type", "STRING", "past tense, as in schemas/facts", required=True),
        Column("aggregate", "STRING", "id of the photo, roll or user it is about", required=True),
        Column("accepted_at", "TIMESTAMP", "the fact's `at`, which is a reserved word of GoogleSQL", required=True),
        Column("user_id", "STRING", "who did it (`by`)", required=True),
        Column("payload", "JSON", "the whole fact", required=True),
        *_ORIGIN,
    ),
)
SINK_CLAIMS = Table(
    dataset="meta",
    name="sink_claims",
    grain="one Kafka partition of a topic: which append stream may write its rows",
    columns=(
        Column("topic", "STRING", "Kafka topic", required=True),
        Column("kafka_partition", "INT64", "seeded by the bootstrap, one row each", required=True),
        Column("stream", "STRING", "the claiming append stream; '' before the first", required=True),
    ),
)

TABLES: tuple[Table, ...] = (EVENTS, FACTS, SINK_CLAIMS)
