"""One append stream and the connection that feeds it.

Not `AppendRowsStream.send(...).result()` of Google's client: it polls, and takes 0.4-0.5 s where this takes 0.1.
"""

import asyncio
from collections import deque
from typing import Any

import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types

from processors.stores.warehouse_rows import Request

WRITE_S = 10.0  # a connection that takes nothing for so long is lost


class StreamLost(Exception):
    """What this stream holds or will accept is no longer known: take over anew."""


class AppendStream:
    """Requests in, answers out in the same order.

    `name` is what the claims call it. Any error but an answer ends it for good: whoever waits gets `StreamLost`.
    """

    def __init__(self, append_rows: Any, name: str, schema: pa.Schema) -> None:
        self.name = name
        self._schema: bytes | None = schema.serialize().to_pybytes()
        self._call = append_rows(metadata=(("x-goog-request-params", f"write_stream={name}"),))
        self._waiting: deque[asyncio.Future[types.AppendRowsResponse]] = deque()
        self._reader: asyncio.Task[None] | None = None

    async def send(self, request: Request, offset: int) -> asyncio.Future[types.AppendRowsResponse]:
        """Sends `request` for row `offset` of the stream; the future is its answer."""
        answer: asyncio.Future[types.AppendRowsResponse] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_seen)
        self._waiting.append(answer)
        async with asyncio.timeout(WRITE_S):
            await self._call.write(self._message(request, offset))
        self._reader = self._reader or asyncio.create_task(self._read(), name=f"answers of {self.name}")
        return answer

    def _message(self, request: Request, offset: int) -> types.AppendRowsRequest:
        rows = types.ArrowRecordBatch(serialized_record_batch=request.batch)
        data = types.AppendRowsRequest.ArrowData(rows=rows)
        if self._schema is not None:  # only the first request of a connection says it
            data.writer_schema = types.ArrowSchema(serialized_schema=self._schema)
            self._schema = None
        return types.AppendRowsRequest(write_stream=self.name, offset=offset, arrow_rows=data)

    async def _read(self) -> None:
        problem: Exception | None = None
        try:
            async for answer in self._call:
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(answer)
        except Exception as error:  # gRPC's errors have no narrower common type; every one means the same
            problem = error
        finally:
            self._fail(problem)

    def _fail(self, problem: Exception | None) -> None:
        lost = StreamLost(f"connection of {self.name} ended: {problem}")
        lost.__cause__ = problem
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(lost)

    def drop(self) -> None:
        """Hangs up; may be called twice. What is in flight may still be stored: whoever follows fences first."""
        self._call.cancel()
        self._fail(None)


def _seen(answer: asyncio.Future[types.AppendRowsResponse]) -> None:
    """Whoever stopped waiting for it must not cause a warning."""
    if not answer.cancelled():
        answer.exception()
