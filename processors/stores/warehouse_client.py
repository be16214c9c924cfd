"""The two clients of BigQuery that the sink speaks through; none retries, each call ends in time."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from google.api_core.exceptions import InvalidArgument, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types
from google.cloud.bigquery_storage_v1.services.big_query_write import BigQueryWriteAsyncClient
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcAsyncIOTransport
from grpc import aio

from processors.stores.warehouse_stream import AppendStream
from schemas.settings import Settings, emulator
from schemas.warehouse import Table

CALL_S = 10.0  # the clients would retry inside for minutes; the loop retries, so they must not
_UNLIMITED = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))
_SPELLING = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}  # REST still names them as of old

Parameter = str | datetime | Sequence[int] | Sequence[str]


class Client:
    """BigQuery, or the emulator. Belongs to the event loop that made it. A call is given up after `call_s`."""

    def __init__(self, settings: Settings, call_s: float = CALL_S) -> None:
        self._project, self._call_s = settings.warehouse_project, call_s
        self._local = emulator(settings.warehouse_emulator)
        self._sql = self._sql_client()
        self._writer = self._write_client()

    def _sql_client(self) -> bigquery.Client:
        if self._local is None:
            return bigquery.Client(project=self._project)
        nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        return bigquery.Client(
            project=self._project, credentials=nobody, client_options={"api_endpoint": self._local.rest}
        )

    def _write_client(self) -> BigQueryWriteAsyncClient:
        if self._local is None:
            return BigQueryWriteAsyncClient()
        channel = aio.insecure_channel(self._local.grpc, options=_UNLIMITED)
        return BigQueryWriteAsyncClient(transport=BigQueryWriteGrpcAsyncIOTransport(channel=channel))

    async def query(self, sql: str, **parameters: Parameter) -> list[Mapping[str, Any]]:
        """The rows a statement gives. When the caller is cancelled the statement may still take effect, later."""
        return await asyncio.to_thread(self._query, sql, parameters)

    def _query(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Mapping[str, Any]]:
        config = bigquery.QueryJobConfig(
            query_parameters=[_parameter(name, value) for name, value in parameters.items()], use_query_cache=False
        )
        answer = self._sql.query_and_wait(
            sql,
            job_config=config,
            retry=None,  # type: ignore[arg-type]  # documented to switch retries off
            job_retry=None,  # type: ignore[arg-type]
            api_timeout=self._call_s,
            wait_timeout=self._call_s,
        )
        return [dict(row) for row in answer]

    async def columns(self, table: Table) -> Mapping[str, str]:
        """Type by name of the columns the table has just now, in the words of `schemas.warehouse`."""
        never: Any = None  # its types do not know that None switches retries off
        there = await asyncio.to_thread(self._sql.get_table, table.path, retry=never, timeout=self._call_s)
        return {field.name: _SPELLING.get(field.field_type, field.field_type) for field in there.schema}

    async def create(self, table: Table) -> str:
        """The name of a new stream whose rows are visible once they are acknowledged."""
        parent = f"projects/{self._project}/datasets/{table.dataset}/tables/{table.name}"
        committed = types.WriteStream(type_=types.WriteStream.Type.COMMITTED)
        made = await self._writer.create_write_stream(
            parent=parent, write_stream=committed, retry=None, timeout=self._call_s
        )
        return str(made.name)

    async def finalize(self, stream: str) -> None:
        """After this the stream accepts nothing; a stream that is not there accepts nothing either."""
        try:
            await self._writer.finalize_write_stream(name=stream, retry=None, timeout=self._call_s)
        except NotFound:
            return
        except InvalidArgument:
            if self._local is None:  # the emulator forgets its streams when it restarts, and says it like this
                raise

    def append_stream(self, name: str, schema: Any) -> AppendStream:
        """The connection that appends to the stream; opens with the first request."""
        return AppendStream(self._writer.transport.append_rows, name, schema)

    async def close(self) -> None:
        """Hangs up."""
        await self._writer.transport.close()  # type: ignore[no-untyped-call]
        self._sql.close()  # type: ignore[no-untyped-call]


def _parameter(name: str, value: Parameter) -> bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter:
    if isinstance(value, str):
        return bigquery.ScalarQueryParameter(name, "STRING", value)
    if isinstance(value, datetime):
        return bigquery.ScalarQueryParameter(name, "TIMESTAMP", value)
    kind = "INT64" if all(isinstance(each, int) for each in value) else "STRING"
    return bigquery.ArrayQueryParameter(name, kind, list(value))
