"""Who may write which partition: `meta.sink_claims`, and the four steps that take it over.

**read** the old claims, **fence** their streams, **claim** by compare-and-set, **ask** who won and what is stored. A
stream is replaced in the table only after it is final, so at most one open stream of a partition is ever published, and
whoever asks after its own claim sees every row of its predecessors. Leave out any step and rows double: the tests of
this file have controls that do.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from processors.stores.warehouse_client import Client
from schemas.warehouse import EVENTS, SINK_CLAIMS, Table

FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)  # where our ids start
_EVER = datetime.min.replace(tzinfo=UTC)
EVENTS_WINDOW = timedelta(days=8)  # Kafka keeps events 7 days


class NotSeeded(Exception):
    """A partition has no row in `sink_claims`; `python -m sql apply` makes it."""


class Fenced(Exception):
    """Someone else claimed a partition while we did; they may well be its owner."""


@dataclass(frozen=True)
class Claims:
    """The claims of one topic and the table its rows go to."""

    client: Client
    topic: str
    table: Table
    claims: Table = SINK_CLAIMS

    async def read(self, partitions: Collection[int]) -> Mapping[int, str]:
        """Stream by partition, '' before the first; `NotSeeded` when a partition is missing."""
        found = await self.client.query(
            f"select kafka_partition, stream from {self.claims.path}"  # noqa: S608 - our own names
            " where topic = @topic and kafka_partition in unnest(@partitions)",
            topic=self.topic,
            partitions=sorted(partitions),
        )
        streams = {int(row["kafka_partition"]): str(row["stream"]) for row in found}
        if missing := sorted(set(partitions) - streams.keys()):
            raise NotSeeded(f"{self.claims.path} has no row for {self.topic} partitions {missing}; run the bootstrap")
        return streams

    async def fence(self, old: Mapping[int, str]) -> None:
        """The old streams are final: what they hold is all they will ever hold."""
        await asyncio.gather(*(self.client.finalize(stream) for stream in sorted(set(old.values()) - {""})))

    async def claim(self, old: Mapping[int, str], stream: str) -> None:
        """Partitions whose claim is still the `old` one are `stream`'s. `ask` says for which that came true."""
        await self.client.query(
            f"update {self.claims.path} set stream = @stream where topic = @topic"  # noqa: S608 - our own names
            " and concat(cast(kafka_partition as string), '=', stream) in unnest(@old)",
            topic=self.topic,
            stream=stream,
            old=[f"{partition}={name}" for partition, name in sorted(old.items())],
        )

    async def ask(self, partitions: Collection[int], stream: str, since: datetime) -> dict[int, int]:
        """The highest offset stored since then, by partition (absent: none); `Fenced` unless every claim is `stream`'s.

        One query, so that the claims and the offsets are of one moment.
        """
        found = await self.client.query(
            f"select kafka_partition, stream, stored from {self.claims.path}"  # noqa: S608 - our own names
            f" left join ({self._highest()}) using (kafka_partition)"
            " where topic = @topic and kafka_partition in unnest(@partitions)",
            topic=self.topic,
            partitions=sorted(partitions),
            since=since,
        )
        if lost := sorted(row["kafka_partition"] for row in found if row["stream"] != stream):
            raise Fenced(f"{self.topic} partitions {lost} were claimed by another sink")
        return _offsets(found)

    async def stored(self, partitions: Collection[int], since: datetime) -> dict[int, int]:
        """The highest offset stored since then, by partition, whoever wrote it; absent: none."""
        return _offsets(await self.client.query(self._highest(), partitions=sorted(partitions), since=since))

    def _highest(self) -> str:
        return (
            f"select kafka_partition, max(kafka_offset) as stored from {self.table.path}"  # noqa: S608 - our own names
            f" where `{self.table.partition_by}` >= @since and kafka_partition in unnest(@partitions)"
            " group by kafka_partition"
        )

    def since(self, oldest: datetime) -> datetime:
        """From when on to ask, for records no older than `oldest`.

        Facts: all days. Events: a window before the oldest, not before now, so that old records that are driven again
        are looked for where they would stand.
        """
        if oldest < FIRST_DAY:  # nobody's clock; but what is stored must still be found
            return _EVER
        return oldest - EVENTS_WINDOW if self.table.name == EVENTS.name else FIRST_DAY


def _offsets(rows: Collection[Mapping[str, int | None]]) -> dict[int, int]:
    return {int(row["kafka_partition"] or 0): int(row["stored"]) for row in rows if row["stored"] is not None}
