"""The server without storage answers as BigQuery does, to the sink's own client."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bench.loopback import EXISTS, FINAL, GAP, Appended, Write, loopback, served
from bench.loopback_sink import processor
from processors.agents import PROCESSORS
from processors.processor import Effects
from processors.rules.rows import rows
from processors.stores.warehouse_client import Client
from processors.stores.warehouse_rows import Request, records, requests, schema
from processors.stores.warehouse_stream import AppendStream
from schemas.settings import Settings
from schemas.topics import EVENTS as TOPIC
from schemas.topics import Origin
from schemas.warehouse import EVENTS
from tests.builders import a_track, an_events_record


@dataclass
class Line:
    """A client of the server, and what the server saw of `probe-`."""

    client: Client
    seen: list[Appended]

    async def stream(self) -> AppendStream:
        return self.client.append_stream(await self.client.create(EVENTS), schema(EVENTS))


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    seen: list[Appended] = []
    server, port = served(Write("probe-", seen.append))
    client = Client(Settings(warehouse_emulator=f"127.0.0.1:9:{port}"))
    yield Line(client, seen)
    await client.close()
    server.stop(None)


def a_request(*ids: str) -> Request:
    """Of one record with these events."""
    record = an_events_record([{**a_track(), "messageId": id} for id in ids])
    found = records([Effects(Origin(TOPIC.name, 0, 0), tuple(rows(record)))])
    (request,) = requests(found, schema(EVENTS), lambda origin, why: None)
    return request


async def code(stream: AppendStream, request: Request, offset: int) -> int:
    return int((await (await stream.send(request, offset))).error.code)


async def test_rows_are_taken_in_order_and_nowhere_else(line: Line) -> None:
    stream, request = await line.stream(), a_request("a", "b")

    assert await code(stream, request, 2) == GAP
    assert await code(stream, request, 0) == 0
    assert await code(stream, request, 0) == EXISTS
    assert await code(stream, request, 1) == EXISTS
    assert await code(stream, request, 2) == 0


async def test_what_is_final_takes_nothing_and_what_is_not_there_is_fenced(line: Line) -> None:
    stream = await line.stream()
    await line.client.finalize(stream.name)
    await line.client.finalize(f"{stream.name}-gone")

    assert await code(stream, a_request("a"), 0) == FINAL


async def test_probes_are_seen_once_they_stand(line: Line) -> None:
    stream = await line.stream()
    await code(stream, a_request("probe-0", "other"), 0)
    await code(stream, a_request("probe-1"), 2)
    await code(stream, a_request("other"), 3)  # the answer before was followed by what was seen

    assert [each.event_id for each in line.seen] == ["probe-0", "probe-1"]
    assert line.seen[0].at <= line.seen[1].at


async def test_in_a_process_of_its_own_it_tells_over_a_queue() -> None:
    with loopback("probe-") as (port, seen):
        client = Client(Settings(warehouse_emulator=f"127.0.0.1:9:{port}"))
        stream = client.append_stream(await client.create(EVENTS), schema(EVENTS))
        await code(stream, a_request("probe-7"), 0)

        assert seen.get(timeout=60).event_id == "probe-7"
        await client.close()


def test_the_sink_that_is_measured_takes_and_applies_as_the_real_one() -> None:
    real = next(each for each in PROCESSORS if each.name == "warehouse")
    measured = processor("loopback_1")

    assert (measured.rule, measured.window_s, measured.batch, measured.at_once) == (
        real.rule,
        real.window_s,
        real.batch,
        real.at_once,
    )
