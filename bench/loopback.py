"""BigQueryWrite on a port of this machine that checks every append and stores nothing: real gRPC without the storage.

Create, append and finalize, with BigQuery's answers to an offset that exists (6), one behind a gap (11) and an append
to what is final (3). It runs in a process of its own and tells when it saw the events that it was asked to look for.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from threading import Lock
from typing import Any, NamedTuple
from uuid import uuid4

import grpc
import pyarrow as pa
import pyarrow.compute as pc
from google.cloud.bigquery_storage_v1 import types

SERVICE = "google.cloud.bigquery.storage.v1.BigQueryWrite"
UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0))
STREAMS_AT_ONCE = 16  # an open stream holds a thread
START_S = 60.0
FINAL, EXISTS, GAP = 3, 6, 11  # google.rpc.Code


class Appended(NamedTuple):
    """An event, and when its append was answered (`time.monotonic`, one clock for all processes of a machine)."""

    event_id: str
    at: float


@dataclass
class Stream:
    """One append stream: how many rows it has taken."""

    rows: int = 0
    final: bool = False
    lock: Lock = field(default_factory=Lock)

    def refusal(self, offset: int) -> int:
        """The code that an append at this offset is answered with; 0 when it is the next."""
        if self.final:
            return FINAL
        return 0 if offset == self.rows else EXISTS if offset < self.rows else GAP


class Write:
    """The service. `saw` is called with the ids that begin with `wanted`, once their append stands."""

    def __init__(self, wanted: str, saw: Callable[[Appended], None]) -> None:
        self._wanted = wanted
        self._saw = saw
        self._streams: dict[str, Stream] = {}

    def create(self, request: types.CreateWriteStreamRequest, _: grpc.ServicerContext) -> types.WriteStream:
        """A stream of its own, empty."""
        name = f"{request.parent}/streams/{uuid4().hex}"
        self._streams[name] = Stream()
        return types.WriteStream(name=name, type_=request.write_stream.type_)

    def finalize(
        self, request: types.FinalizeWriteStreamRequest, context: grpc.ServicerContext
    ) -> types.FinalizeWriteStreamResponse:
        """From here on it takes nothing."""
        stream = self._streams.get(request.name)
        if stream is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no stream {request.name}")
        assert stream is not None
        with stream.lock:
            stream.final = True
            return types.FinalizeWriteStreamResponse(row_count=stream.rows)

    def append(
        self, requests: Iterator[types.AppendRowsRequest], _: grpc.ServicerContext
    ) -> Iterator[types.AppendRowsResponse]:
        """An answer for each request, in order."""
        schema = None
        for request in requests:
            if serialized := request.arrow_rows.writer_schema.serialized_schema:
                schema = pa.ipc.read_schema(pa.py_buffer(serialized))
            body = pa.py_buffer(request.arrow_rows.rows.serialized_record_batch)
            batch = pa.ipc.read_record_batch(body, schema)
            yield self._answer(request.write_stream, request.offset, batch)
            self._tell(batch)

    def _answer(self, name: str, offset: int, batch: pa.RecordBatch) -> types.AppendRowsResponse:
        answer, stream = types.AppendRowsResponse(write_stream=name), self._streams[name]
        with stream.lock:
            if code := stream.refusal(offset):
                answer.error = {"code": code, "message": f"offset {offset}, the stream has {stream.rows} rows"}
                return answer
            stream.rows += batch.num_rows
        answer.append_result = types.AppendRowsResponse.AppendResult(offset=offset)
        return answer

    def _tell(self, batch: pa.RecordBatch) -> None:
        if "event_id" in batch.schema.names:
            at, ids = time.monotonic(), batch.column("event_id")
            for found in ids.filter(pc.starts_with(ids, self._wanted)).to_pylist():
                self._saw(Appended(found, at))


def served(write: Write, port: int = 0) -> tuple[grpc.Server, int]:
    """The service on 127.0.0.1, started, and its port."""
    unary, both = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
    create, append, finalize = (
        (types.CreateWriteStreamRequest, types.WriteStream),
        (types.AppendRowsRequest, types.AppendRowsResponse),
        (types.FinalizeWriteStreamRequest, types.FinalizeWriteStreamResponse),
    )
    handlers = {
        "CreateWriteStream": unary(write.create, create[0].deserialize, create[1].serialize),
        "AppendRows": both(write.append, append[0].deserialize, append[1].serialize),
        "FinalizeWriteStream": unary(write.finalize, finalize[0].deserialize, finalize[1].serialize),
    }
    server = grpc.server(ThreadPoolExecutor(STREAMS_AT_ONCE), options=UNLIMITED)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, bound


@contextmanager
def loopback(wanted: str) -> Iterator[tuple[int, Any]]:
    """The port of a server in a process of its own, and the queue it puts what it saw into (`Appended`)."""
    context: Any = multiprocessing.get_context("spawn")
    ports, seen = context.Queue(), context.Queue()
    process = context.Process(target=_serve, args=(wanted, ports, seen), daemon=True)
    process.start()
    try:
        yield ports.get(timeout=START_S), seen
    finally:
        process.terminate()
        process.join()


def _serve(wanted: str, ports: "Queue[int]", seen: "Queue[Appended]") -> None:
    server, port = served(Write(wanted, seen.put))
    ports.put(port)
    server.wait_for_termination()
