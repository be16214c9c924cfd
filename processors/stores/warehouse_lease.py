"""A lease: one append stream, what it claimed, what is known to be stored; and the requests on their way."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from google.cloud.bigquery_storage_v1 import types

from processors.stores.warehouse_rows import Request
from processors.stores.warehouse_stream import AppendStream, StreamLost
from schemas.topics import Origin

IN_FLIGHT = 4
ANSWER_S = 15.0  # below the 20 s after which the loop cancels the whole batch

_BEHIND_A_GAP = 11  # google.rpc.Code OUT_OF_RANGE


@dataclass
class Lease:
    """Good until the first doubt. `stored` and `rows` change with every answer, and with nothing else."""

    stream: AppendStream
    partitions: frozenset[int]
    since: datetime  # older rows were not asked for
    stored: dict[int, int]  # highest offset by partition
    rows: int = 0  # the stream's next row

    def lacks(self, origin: Origin) -> bool:
        """Whether the record is not stored yet."""
        return origin.offset > self.stored.get(origin.partition, -1)


@dataclass
class Flight:
    """The requests of one batch, sent in order, at most `IN_FLIGHT` unanswered.

    `refused` are the records BigQuery will never take. What was sent behind them was not stored either, and neither the
    stream nor `stored` has moved past them: the same lease may send the rest again.
    """

    lease: Lease
    refused: dict[Origin, str] = field(default_factory=dict)
    _unanswered: deque[tuple[Request, asyncio.Future[types.AppendRowsResponse]]] = field(default_factory=deque)
    _rows_on_their_way: int = 0

    async def send(self, request: Request) -> None:
        """On its way, when there is room; `StreamLost` or gRPC's own error: the lease is void."""
        if len(self._unanswered) == IN_FLIGHT:
            await self._answer()
        answer = await self.lease.stream.send(request, self.lease.rows + self._rows_on_their_way)
        self._unanswered.append((request, answer))
        self._rows_on_their_way += request.rows

    async def landed(self) -> None:
        """Every request has its answer; `StreamLost` or `TimeoutError`: the lease is void."""
        while self._unanswered:
            await self._answer()

    async def _answer(self) -> None:
        request, coming = self._unanswered.popleft()
        async with asyncio.timeout(ANSWER_S):
            answer = await coming
        self._rows_on_their_way -= request.rows
        self._take(request, answer)

    def _take(self, request: Request, answer: types.AppendRowsResponse) -> None:
        if answer.row_errors:
            self.refused |= {request.origin_of(error.index): error.message for error in answer.row_errors}
        elif not self.refused and not answer.error.code:
            self.lease.rows += request.rows
            self.lease.stored.update({origin.partition: origin.offset for origin in request.origins})
        elif not self.refused or answer.error.code != _BEHIND_A_GAP:
            name, error = self.lease.stream.name, answer.error
            raise StreamLost(f"{name} answered {error.code}: {error.message}")
