"""PURE. The statements that make and change tables, in the spelling that BigQuery and the emulator share."""

from collections.abc import Iterator, Sequence

from schemas.settings import Settings
from schemas.topics import EVENTS, FACTS, Topic
from schemas.warehouse import SINK_CLAIMS, Column, Table
from sql.plan import Model, PlanError

DATASETS = ("raw", "staging", "marts", "meta")


class BreakingChange(ValueError):
    """A table cannot become what is declared without losing or rewriting rows; nothing was changed."""


def create_datasets() -> Iterator[str]:
    """The datasets; made once, kept as they are."""
    yield from (f"create schema if not exists {dataset}" for dataset in DATASETS)


def create(table: Table) -> str:
    """The table as declared; does nothing to one that exists."""
    columns = ",\n  ".join(_definition(column) for column in table.columns)
    return "\n".join(
        part
        for part in (
            f"create table if not exists {table.path} (\n  {columns}\n)",
            table.partition_by and f"partition by {_partition(table)}",
            table.cluster_by and f"cluster by {', '.join(map(name, table.cluster_by))}",
            f"options ({_options(table)})",
        )
        if part
    )


def _definition(column: Column) -> str:
    required = " not null" if column.required else ""
    why = f" options (description = {text(column.why)})" if column.why else ""
    return f"{name(column.name)} {column.type}{required}{why}"


def _partition(table: Table) -> str:
    column = next(column for column in table.columns if column.name == table.partition_by)
    return name(column.name) if column.type == "DATE" else f"date({name(column.name)})"


def _options(table: Table) -> str:
    described = f"description = {text('one row per: ' + table.grain)}"
    return f"{described}, require_partition_filter = true" if table.must_filter else described


def name(word: str) -> str:
    """A column as SQL writes it: quoted, for the emulator takes reserved words that Google refuses."""
    return f"`{word}`"


def text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def changes(declared: Table, found: Table) -> list[str]:
    """What turns the table that is there into the declared one: new optional columns at its end, nothing else.

    `BreakingChange` names the first difference that would lose or rewrite rows.
    """
    for problem in _breaking(declared, found):
        raise BreakingChange(f"{declared.path}: {problem}; declare a new version beside it instead")
    standing = {column.name for column in found.columns}
    return [
        f"alter table {declared.path} add column if not exists {_definition(column)}"
        for column in declared.columns
        if column.name not in standing
    ]


def _breaking(declared: Table, found: Table) -> Iterator[str]:
    wanted = {column.name: column for column in declared.columns}
    standing = {column.name: column for column in found.columns}
    for gone in sorted(standing.keys() - wanted.keys()):
        yield f"column {gone} is there but no longer declared"
    for column in declared.columns:
        if column.name in standing:
            yield from _column_breaks(column, standing[column.name])
        elif column.required:
            yield f"new column {column.name} is NOT NULL, but older rows have no value for it"
    for what in ("partition_by", "cluster_by", "must_filter"):
        old, new = getattr(found, what), getattr(declared, what)
        if old != new:
            yield f"{what} is {old!r} and declared {new!r}"


def _column_breaks(wanted: Column, standing: Column) -> Iterator[str]:
    if wanted.type != standing.type:
        yield f"column {wanted.name} is {standing.type} and declared {wanted.type}"
    if wanted.required != standing.required:
        yield f"column {wanted.name} is {_null(standing)} and declared {_null(wanted)}"


def _null(column: Column) -> str:
    return "NOT NULL" if column.required else "NULLABLE"


def seed_claims(settings: Settings) -> str:
    """One row per Kafka partition that the sink reads.

    Rows that are there keep their stream: it names the writer that the next one has to fence.
    """
    pairs = ", ".join(
        f"struct({text(topic.name)} as topic, {_partitions(topic, settings)} as partitions)"
        for topic in (EVENTS, FACTS)
    )
    statement = f"""
merge {SINK_CLAIMS.path} as claims
using (
  select topics.topic, kafka_partition
  from unnest([{pairs}]) as topics, unnest(generate_array(0, topics.partitions - 1)) as kafka_partition
) as seeds
on claims.topic = seeds.topic and claims.kafka_partition = seeds.kafka_partition
when not matched then insert (topic, kafka_partition, stream) values (seeds.topic, seeds.kafka_partition, '')
"""  # noqa: S608 - names and numbers of our own schemas; nobody's input
    return statement.strip()


def _partitions(topic: Topic, settings: Settings) -> int:
    return topic.partitions_local if settings.kafka_partitions == "local" else topic.partitions_production


def replace_staging(model: Model) -> str:
    """A view or table function is what its file says now."""
    if model.kind == "table function":
        return f"create or replace table function {model.path}({model.takes}) as (\n{model.body}\n)"
    return f"create or replace view {model.path} as\n{model.body}"


def mart(model: Model, columns: Sequence[Column]) -> Table:
    """The table a mart's rows go to: its columns are those its query has now; the day it replaces is one of them."""
    if not any(column.name == model.partition and column.type == "DATE" for column in columns):
        given = ", ".join(f"{column.name} {column.type}" for column in columns)
        raise PlanError(f"{model.path} is partitioned by {model.partition}; expected a DATE among its columns: {given}")
    return Table(
        dataset=model.dataset,
        name=model.name,
        grain=model.grain,
        columns=tuple(columns),
        partition_by=model.partition,
    )


def replace_partition(table: Table, body: str) -> str:
    """Rows of the partition `@day` become what the query gives; run twice, it gives the same.

    One statement, so that no reader sees the partition empty; `on false` lets BigQuery touch that partition only.
    """
    names, day = ", ".join(name(column.name) for column in table.columns), name(table.partition_by or "")
    statement = f"""
merge {table.path} as kept
using (
{body}
) as made
on false
when not matched by source and kept.{day} = @day then delete
when not matched by target then insert ({names}) values ({names})
"""  # noqa: S608 - a model's own query; nobody's input
    return statement.strip()
