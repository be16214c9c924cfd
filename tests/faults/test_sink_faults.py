"""F38 to F43: what BigQuery may do to the sink. Whatever it is, each row stands once and no good record dies.

The faults come from proxies before the emulator, from a client that is refused, and from DDL. What is killed and
restarted under load is in `test_sink_chaos.py`, what happens between two sinks in `test_warehouse_interleaving.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from google.api_core.exceptions import GoogleAPICallError, ResourceExhausted, ServiceUnavailable, TooManyRequests

from local.stack import Stack
from processors.processor import Effects
from processors.stores.warehouse import Step, Warehouse
from processors.stores.warehouse_client import Client, Parameter
from processors.stores.warehouse_rows import BYTES_AT_ONCE
from schemas.settings import address
from schemas.warehouse import Table
from tests.builders import a_track, an_events_record
from tests.faults.proxy import Proxy
from tests.processors.warehouses import (
    EVENTS_TOPIC,
    Stand,
    a_stand,
    apply_as_the_loop_does,
    effects_of,
    opened,
    positions,
    settings_of,
    spoilt,
)

Before = Callable[[Step], Awaitable[None]]


def batches(count: int, events: int = 2, first: int = 0) -> list[Effects]:
    """Records of so many events each, at successive offsets."""
    tracks = [a_track(f"e{i}") for i in range(events)]
    return [effects_of(an_events_record(tracks), first + i) for i in range(count)]


@dataclass
class Wire:
    """A stand whose sinks reach BigQuery through two proxies."""

    stand: Stand
    rest: Proxy
    grpc: Proxy

    def sink(self, before: Before | None = None) -> Warehouse:
        """A worker's store behind the proxies."""
        there = f"127.0.0.1:{self.rest.port}:{self.grpc.port}"
        settings = msgspec.structs.replace(self.stand.settings, warehouse_emulator=there)
        watched: dict[str, Any] = {"before": before} if before else {}
        return Warehouse(settings, self.stand.tables, self.stand.claims, fenced_rest_s=0.1, **watched)

    def down(self) -> None:
        """Connections are reset, new ones refused."""
        self.rest.down()
        self.grpc.down()

    def heal(self) -> None:
        """As if nothing had been."""
        self.rest.heal()
        self.grpc.heal()


@pytest.fixture
async def stand(parts: Stack) -> AsyncIterator[Stand]:
    async with a_stand(settings_of(parts), partitions=1, topics=(EVENTS_TOPIC,)) as stand:
        yield stand


@pytest.fixture
async def wire(stand: Stand) -> AsyncIterator[Wire]:
    host, rest, grpc = stand.settings.warehouse_emulator.split(":")
    with closing(Proxy(address(f"{host}:{rest}"))) as first, closing(Proxy(address(f"{host}:{grpc}"))) as second:
        yield Wire(stand, first, second)


async def until_stored(stand: Stand, expected: list[tuple[int, int, int]]) -> None:
    """The rows are there, whoever knows it."""
    for _ in range(1_000):
        if await stand.stored() == expected:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not stored: {expected}")


# --- F38: away --------------------------------------------------------------------------------------------------------


@pytest.mark.nightly
async def test_while_bigquery_is_away_records_wait_and_then_stand_once(wire: Wire) -> None:
    sink = wire.sink()
    async with opened(sink):
        await sink.apply(batches(2))
        wire.down()
        waiting = asyncio.create_task(apply_as_the_loop_does(sink, batches(5), turns=400))
        await asyncio.sleep(2)
        assert not waiting.done()
        wire.heal()
        dead = await waiting

    assert dead == {}
    assert await wire.stand.stored() == positions(batches(5))


@pytest.mark.nightly
@pytest.mark.parametrize("direction", ["requests", "answers"])
async def test_a_silent_bigquery_is_left_within_its_time(wire: Wire, direction: Any) -> None:
    sink = wire.sink()
    async with opened(sink):
        await sink.apply(batches(2))
        wire.grpc.rule(direction, swallowed=True)
        waiting = asyncio.create_task(apply_as_the_loop_does(sink, batches(5), turns=400))
        await asyncio.sleep(20)
        wire.heal()
        wire.grpc.reset()  # what was swallowed in the midst of a frame leaves the rest unreadable
        dead = await waiting

    assert dead == {}
    assert await wire.stand.stored() == positions(batches(5))


# --- F39, F40: nobody knows -------------------------------------------------------------------------------------------


async def test_an_answer_lost_after_the_commit_doubles_nothing(wire: Wire) -> None:
    lost: list[Step] = []

    async def lose(step: Step) -> None:
        if step == "append" and not lost:
            wire.grpc.rule("answers", swallowed=True)
        if step == "wait" and not lost:
            await until_stored(wire.stand, positions(batches(3)))
            lost.append(step)
            wire.grpc.reset()
            wire.heal()

    sink = wire.sink(lose)
    async with opened(sink):
        dead = await apply_as_the_loop_does(sink, batches(3))
        await apply_as_the_loop_does(sink, batches(4))

    assert (lost, dead) == (["wait"], {})
    assert await wire.stand.stored() == positions(batches(4))


@pytest.mark.nightly
async def test_a_stream_closed_in_the_midst_of_requests_leaves_no_gap(wire: Wire) -> None:
    closed: list[Step] = []
    sent = batches(20, events=500)  # three requests, on their way together

    async def close(step: Step) -> None:
        if step == "wait" and len(closed) < 3:
            closed.append(step)
            await asyncio.sleep(0.02 * len(closed))
            wire.grpc.reset()

    sink = wire.sink(close)
    async with opened(sink):
        dead = await apply_as_the_loop_does(sink, sent)

    assert dead == {}
    assert closed
    assert await wire.stand.stored() == positions(sent)


@pytest.mark.nightly
async def test_a_stream_that_answers_out_of_range_is_left(stand: Stand) -> None:
    moved: list[Step] = []

    async def move(step: Step) -> None:
        if step == "append" and not moved:
            moved.append(step)
            sink._leases[EVENTS_TOPIC].rows += 5

    sink = stand.sink(move)
    async with opened(sink):
        dead = await apply_as_the_loop_does(sink, batches(3))

    assert (moved, dead) == (["append"], {})
    assert await stand.stored() == positions(batches(3))


# --- F41: a row that is not one ---------------------------------------------------------------------------------------

UNFIT: Mapping[str, Mapping[str, Any]] = {
    "an integer beyond INT64": {"batch_index": 1 << 63},
    "half a character": {"name": "\ud800"},
    "nothing where something must be": {"app": None},
    "text where a time must be": {"received_at": "noon"},
    "JSON that is none": {"properties": '{"n":NaN'},
    "more than a request may hold": {"properties": '"' + "x" * (BYTES_AT_ONCE + 1) + '"'},
}


async def test_of_five_hundred_rows_each_unfit_one_dies_alone(stand: Stand) -> None:
    sent = batches(500, events=1)
    places = {50 + 70 * number: fault for number, fault in enumerate(UNFIT)}
    for place, fault in places.items():
        sent[place] = spoilt(sent[place], **UNFIT[fault])
    sink = stand.sink()

    async with opened(sink):
        dead = await apply_as_the_loop_does(sink, sent)

    assert {places[origin.offset] for origin in dead} == set(UNFIT)
    assert await stand.stored() == positions([each for each in sent if each.origin not in dead])


# --- F42: another table than was thought ------------------------------------------------------------------------------


@pytest.mark.nightly
async def test_a_new_column_changes_nothing(stand: Stand) -> None:
    sink = stand.sink()
    async with opened(sink):
        await sink.apply(batches(1))
        await stand.client.query(f"alter table {stand.tables[EVENTS_TOPIC].path} add column mood string")
        await apply_as_the_loop_does(sink, batches(3))

    assert await stand.stored() == positions(batches(3))


@pytest.mark.nightly
async def test_a_column_that_is_gone_stops_the_sink_until_it_is_there_again(stand: Stand) -> None:
    sink, table = stand.sink(), stand.tables[EVENTS_TOPIC].path
    async with opened(sink):
        await sink.apply(batches(1))
        await stand.client.query(f"alter table {table} drop column sdk")
        stopped = asyncio.create_task(apply_as_the_loop_does(sink, batches(3), turns=400))
        await asyncio.sleep(5)
        assert not stopped.done()
        assert await stand.stored() == positions(batches(1))
        await stand.client.query(f"alter table {table} add column sdk string")
        dead = await stopped

    assert dead == {}
    assert await stand.stored() == positions(batches(3))


# --- F38, F43: refused ------------------------------------------------------------------------------------------------


class Refused(Client):
    """A client that is refused with `error` while there is one; `asked` counts what was."""

    error: type[GoogleAPICallError] | None = None
    asked = 0

    async def query(self, sql: str, **parameters: Parameter) -> list[Mapping[str, Any]]:
        self._refuse()
        return await super().query(sql, **parameters)

    async def create(self, table: Table) -> str:
        self._refuse()
        return await super().create(table)

    def _refuse(self) -> None:
        if self.error:
            self.asked += 1
            raise self.error("not now")


@pytest.mark.nightly
@pytest.mark.parametrize("error", [TooManyRequests, ServiceUnavailable, ResourceExhausted])
async def test_without_quota_records_are_parked_and_then_stand_once(
    stand: Stand, error: type[GoogleAPICallError]
) -> None:
    sink, client = stand.sink(), Refused(stand.settings)
    sink._client = client
    async with opened(sink):
        await sink.apply(batches(2))
        sink.forget()  # a rebalance in the midst of it: the next record needs a lease
        client.error = error
        parked = asyncio.create_task(apply_as_the_loop_does(sink, batches(5), turns=400))
        await until(lambda: client.asked > 3)
        assert await stand.stored() == positions(batches(2))
        client.error = None
        dead = await parked

    assert dead == {}
    assert await stand.stored() == positions(batches(5))


async def until(true: Callable[[], bool]) -> None:
    """Without standing in the way of the event loop."""
    for _ in range(3_000):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came true")
