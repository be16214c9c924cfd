"""Door to BigQuery, read only: history for analysts' figures in the app. Away, slow or not built yet: `unavailable`."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPIError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from requests.exceptions import RequestException

from schemas.problems import refusal
from schemas.settings import Settings, emulator
from schemas.topics import Origin

TIMEOUT_S = 5.0  # a mart of a few rows answers in well under a second
AT_ONCE = 4  # queries in flight; they cost money and threads
MAX_ROWS = 5_000

DAILY = """
select activity_date as day, app, country, events, active_users
from marts.daily_activity_v1
where activity_date between @first and @last
order by activity_date, app, country
"""

_EVENTS = """
select
    'events.v1' as topic, 'raw.events_v1' as source, event_id as id, kafka_partition, kafka_offset,
    batch_index as place, received_at as accepted_at
from raw.events_v1
where received_at >= @since and """
_FACTS = """
select
    'facts.v1' as topic, 'raw.facts_v1' as source, fact_id as id, kafka_partition, kafka_offset,
    0 as place, accepted_at
from raw.facts_v1
where accepted_at >= @since and """
_AT = "kafka_partition = @partition and kafka_offset = @offset"
_ORDERED = " order by topic, kafka_partition, kafka_offset, place limit 1000"
NAMED = f"{_EVENTS} event_id = @id union all {_FACTS} fact_id = @id {_ORDERED}"
AT = {"events.v1": f"{_EVENTS} {_AT} {_ORDERED}", "facts.v1": f"{_FACTS} {_AT} {_ORDERED}"}

Parameter = date | datetime | int | str
_TYPES: Mapping[type, str] = {date: "DATE", datetime: "TIMESTAMP", int: "INT64", str: "STRING"}


@dataclass(frozen=True)
class Warehouse:
    """Asks in threads, because the client blocks; at most `AT_ONCE`, everyone else is told to come back."""

    client: bigquery.Client
    threads: ThreadPoolExecutor
    free: asyncio.Semaphore

    async def daily(self, first: date, last: date) -> list[Mapping[str, Any]]:
        """Rows of `marts.daily_activity_v1` from `first` to `last`, both included."""
        return await self._rows(DAILY, first=first, last=last)

    async def named(self, id: str, since: datetime) -> list[Mapping[str, Any]]:
        """Where rows of this event or fact id stand, of those accepted since then."""
        return await self._rows(NAMED, id=id, since=since)

    async def at(self, origin: Origin, since: datetime) -> list[Mapping[str, Any]]:
        """The rows of the record that stands there, if it was accepted since then."""
        return await self._rows(AT[origin.topic], partition=origin.partition, offset=origin.offset, since=since)

    def close(self) -> None:
        """Let the threads go; a query under way is not waited for."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        self.client.close()  # type: ignore[no-untyped-call]

    async def _rows(self, sql: str, **given: Parameter) -> list[Mapping[str, Any]]:
        if self.free.locked():
            raise refusal("unavailable", "too many questions to the warehouse at once", retry_after_s=2)
        async with self.free:
            asking = asyncio.get_running_loop().run_in_executor(self.threads, partial(self._ask, sql, given))
            try:
                return await asyncio.wait_for(asking, TIMEOUT_S * 2)
            except (GoogleAPIError, GoogleAuthError, RequestException, TimeoutError) as error:
                raise refusal("unavailable", "the warehouse does not answer", retry_after_s=5) from error

    def _ask(self, sql: str, given: Mapping[str, Parameter]) -> list[Mapping[str, Any]]:
        values = [bigquery.ScalarQueryParameter(name, _TYPES[type(value)], value) for name, value in given.items()]
        config = bigquery.QueryJobConfig(query_parameters=values)
        never: Any = None  # the client's own retries go on for minutes; its types do not know that None means none
        job = self.client.query(sql, job_config=config, retry=never, job_retry=never, timeout=TIMEOUT_S)
        found = job.result(timeout=TIMEOUT_S, retry=never, job_retry=never, max_results=MAX_ROWS)
        return [dict(row.items()) for row in found]


def open_warehouse(settings: Settings) -> Warehouse:
    """The door; no connection is made before the first question."""
    return Warehouse(_client(settings), ThreadPoolExecutor(AT_ONCE, "warehouse"), asyncio.Semaphore(AT_ONCE))


def _client(settings: Settings) -> bigquery.Client:
    local = emulator(settings.warehouse_emulator)
    if local is None:
        return bigquery.Client(project=settings.warehouse_project)
    return bigquery.Client(
        project=settings.warehouse_project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options=ClientOptions(api_endpoint=local.rest),
    )
