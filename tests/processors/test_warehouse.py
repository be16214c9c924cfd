"""The sink on the real emulator. How it behaves between two sinks is in `test_warehouse_interleaving.py`."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from local.stack import Stack
from processors.processor import Effects, Poison
from processors.stores.warehouse import Ahead, Step, Warehouse, ahead, drift
from processors.stores.warehouse_claims import NotSeeded
from schemas.topics import Origin
from schemas.warehouse import EVENTS
from tests.builders import NOON, a_track, a_user, an_events_record, photo_captured, user_registered
from tests.processors.warehouses import (
    EVENTS_TOPIC,
    FACTS_TOPIC,
    Stand,
    a_stand,
    apply_as_the_loop_does,
    effects_of,
    opened,
    positions,
    settings_of,
    spoilt,
)

NOT_JSON = "{not json"


@pytest.fixture
async def stand(parts: Stack) -> AsyncIterator[Stand]:
    async with a_stand(settings_of(parts)) as stand:
        yield stand


def batches(count: int, events: int = 2, first: int = 0, partition: int = 0) -> list[Effects]:
    """Records of so many events each, at successive offsets."""
    tracks = [a_track(f"e{i}") for i in range(events)]
    return [effects_of(an_events_record(tracks), first + i, partition) for i in range(count)]


async def test_what_a_client_sent_is_what_an_analyst_reads(stand: Stand) -> None:
    track = a_track("Photo Taken", properties={"film": "é", "n": [1, 2.5, None]}, context={"os": {"name": "iOS"}})
    sink = stand.sink()

    async with opened(sink):
        await sink.apply([effects_of(an_events_record([track]), 7, partition=3)])

    (row,) = await stand.client.query(
        f"select * from {stand.tables[EVENTS_TOPIC].path} where received_at = @noon", noon=NOON
    )
    assert (row["name"], row["user_id"], row["os"], row["country"]) == ("Photo Taken", "ana", "iOS", None)
    assert (row["kafka_partition"], row["kafka_offset"], row["batch_index"]) == (3, 7, 0)
    assert (row["received_at"], row["occurred_at"]) == (NOON, NOON)
    assert row["properties"] == {"film": "é", "n": [1, 2.5, None]}


async def test_a_fact_can_be_found_by_what_it_is_about(stand: Stand) -> None:
    fact = photo_captured(by=a_user("ana"), caption='she said "hi"\n')
    sink = stand.sink()

    async with opened(sink):
        await sink.apply([effects_of(fact, 0)])

    (row,) = await stand.client.query(
        f"select type, json_value(payload, '$.personal.caption') as caption from {stand.tables[FACTS_TOPIC].path}"
        " where accepted_at = @noon and aggregate = @photo",
        noon=NOON,
        photo=fact.photo,
    )
    assert row == {"type": "PhotoCaptured", "caption": 'she said "hi"\n'}


async def test_events_and_facts_of_one_batch_go_to_their_own_tables(stand: Stand) -> None:
    sink = stand.sink()
    fact = effects_of(user_registered(), 5, partition=1)

    async with opened(sink):
        await sink.apply([*batches(1), fact, *batches(1, first=1)])

    assert await stand.stored() == positions(batches(2))
    assert await stand.stored(FACTS_TOPIC) == [(1, 5, 0)]


async def test_records_that_come_again_are_stored_once(stand: Stand) -> None:
    sink = stand.sink()

    async with opened(sink):
        await sink.apply(batches(3))
        await sink.apply(batches(3))
        await sink.apply(batches(4))

    assert await stand.stored() == positions(batches(4))


async def test_a_new_sink_goes_on_where_the_last_one_died(stand: Stand) -> None:
    died, new = stand.sink(), stand.sink()

    async with opened(died, new):
        await died.apply(batches(3))
        await new.apply(batches(5))

    assert await stand.stored() == positions(batches(5))


async def test_a_lease_grows_with_the_partitions_that_records_come_from(stand: Stand) -> None:
    sink = stand.sink()

    async with opened(sink):
        for partition in range(3):
            await sink.apply(batches(2, partition=partition))
        await sink.apply([record for p in range(3) for record in batches(2, first=2, partition=p)])

    assert await stand.stored() == positions(record for p in range(3) for record in batches(4, partition=p))


async def test_after_a_rebalance_one_take_over_claims_all_that_is_assigned(stand: Stand) -> None:
    steps: list[Step] = []

    async def note(step: Step) -> None:
        steps.append(step)

    sink = stand.sink(note)
    async with opened(sink):
        sink.forget([(EVENTS_TOPIC, 0), (EVENTS_TOPIC, 2)])
        await sink.apply(batches(1))
        await sink.apply(batches(1, partition=2))

    assert steps.count("claim") == 1


async def test_an_answer_that_never_comes_doubles_nothing(stand: Stand) -> None:
    async def lost_once(step: Step, left: list[str] = ["wait"]) -> None:  # noqa: B006 - remembers on purpose
        if left and step == "wait":
            left.clear()
            raise TimeoutError

    sink = stand.sink(lost_once)
    async with opened(sink):
        with pytest.raises(TimeoutError):
            await sink.apply(batches(2))
        await sink.apply(batches(3))

    assert await stand.stored() == positions(batches(3))


async def test_an_apply_cancelled_while_it_waits_doubles_nothing(stand: Stand) -> None:
    waiting = asyncio.Event()

    async def hang(step: Step) -> None:
        if step == "wait" and not waiting.is_set():
            waiting.set()
            await asyncio.sleep(60)

    sink = stand.sink(hang)
    async with opened(sink):
        task = asyncio.create_task(sink.apply(batches(2)))
        await waiting.wait()
        task.cancel()
        await asyncio.wait([task])
        await sink.apply(batches(2))

    assert task.cancelled()
    assert await stand.stored() == positions(batches(2))


async def test_one_bad_row_in_five_hundred_costs_its_record_only(stand: Stand) -> None:
    sent = batches(500, events=1)
    sent[250] = spoilt(sent[250], properties=NOT_JSON)
    sink = stand.sink()

    async with opened(sink):
        with pytest.raises(Poison) as poison:
            await sink.apply(sent)
        dead = await apply_as_the_loop_does(sink, sent)

    assert list(poison.value.refused) == list(dead) == [Origin(EVENTS_TOPIC, 0, 250)]
    assert await stand.stored() == positions(sent[:250] + sent[251:])


async def test_what_was_sent_behind_a_bad_row_is_stored_once(stand: Stand) -> None:
    sent = batches(10, events=500)  # two requests, on their way together
    sent[1] = spoilt(sent[1], index=499, properties=NOT_JSON)
    sink = stand.sink()

    async with opened(sink):
        dead = await apply_as_the_loop_does(sink, sent)
        await sink.apply(batches(1, first=10))

    assert list(dead) == [Origin(EVENTS_TOPIC, 0, 1)]
    assert await stand.stored() == positions([sent[0], *sent[2:], *batches(1, first=10)])


async def test_a_bad_row_in_a_later_request_keeps_what_was_stored_before_it(stand: Stand) -> None:
    sent = batches(10, events=500)  # the second request begins with the ninth
    sent[8] = spoilt(sent[8], index=0, properties=NOT_JSON)
    sink = stand.sink()

    async with opened(sink):
        dead = await apply_as_the_loop_does(sink, sent)

    assert list(dead) == [Origin(EVENTS_TOPIC, 0, 8)]
    assert await stand.stored() == positions(sent[:8] + sent[9:])


async def test_nothing_behind_a_value_that_fits_no_column_is_stored_before_it_is_dead(stand: Stand) -> None:
    sent = batches(3)
    sent[1] = spoilt(sent[1], name=None)
    sink = stand.sink()

    async with opened(sink):
        with pytest.raises(Poison):
            await sink.apply(sent)
        before = await stand.stored()
        await apply_as_the_loop_does(sink, sent)

    assert before == positions(sent[:1])
    assert await stand.stored() == positions([sent[0], sent[2]])


async def test_old_records_driven_again_are_looked_for_where_they_stand(stand: Stand) -> None:
    fresh = batches(1)
    old = [effects_of(an_events_record(received_at=NOON - timedelta(days=30)), offset) for offset in (1, 2)]
    died, new = stand.sink(), stand.sink()

    async with opened(died, new):
        await died.apply([*fresh, *old])
        await new.apply(fresh)
        await new.apply(old)

    assert await stand.stored() == positions([*fresh, *old])


async def test_a_stream_the_warehouse_has_forgotten_counts_as_fenced(stand: Stand) -> None:
    sink = stand.sink()
    table = stand.tables[EVENTS_TOPIC]
    gone = f"projects/{stand.settings.warehouse_project}/datasets/{table.dataset}/tables/{table.name}/streams/gone"
    await stand.client.query(f"update {stand.claims.path} set stream = @gone where true", gone=gone)

    async with opened(sink):
        await sink.apply(batches(1))

    assert await stand.stored() == positions(batches(1))


async def test_a_partition_nobody_seeded_refuses_to_start(stand: Stand) -> None:
    sink = stand.sink()

    async with opened(sink):
        with pytest.raises(NotSeeded, match=r"events\.v1 partitions \[9\]"):
            await sink.apply(batches(1, partition=9))


async def test_a_warehouse_that_is_away_is_an_error_within_seconds(stand: Stand) -> None:
    away = msgspec.structs.replace(stand.settings, warehouse_emulator="127.0.0.1:9:9")
    sink = Warehouse(away, stand.tables, stand.claims)

    async with asyncio.timeout(15):
        with pytest.raises(OSError, match="refused"):
            await sink.open()
        await sink.close()


async def test_a_log_that_was_wiped_without_the_warehouse_is_refused(stand: Stand) -> None:
    sink = stand.sink()

    async with opened(sink):
        await sink.apply(batches(3, partition=1))
        await sink.refuse_if_ahead({(EVENTS_TOPIC, 0): 0, (EVENTS_TOPIC, 1): 3, (FACTS_TOPIC, 0): 0}, NOON)
        with pytest.raises(Ahead, match=r"1: \(2, 2\)"):
            await sink.refuse_if_ahead({(EVENTS_TOPIC, 0): 0, (EVENTS_TOPIC, 1): 2}, NOON)


def test_only_what_the_log_has_not_reached_is_ahead() -> None:
    assert ahead({0: 4, 1: 5, 2: 9}, {0: 5, 1: 5, 3: 0}) == {1: (5, 5)}


def test_a_table_has_drifted_when_a_column_of_ours_is_gone_or_of_another_type() -> None:
    there: dict[str, str] = {column.name: column.type for column in EVENTS.columns}

    assert drift(EVENTS, {**there, "mood": "STRING"}) == {}
    assert drift(EVENTS, {**there, "sdk": "INT64"}) == {"sdk": "INT64"}
    assert drift(EVENTS, {name: type_ for name, type_ in there.items() if name != "sdk"}) == {"sdk": ""}


async def test_kafkas_offset_decides_where_to_read(stand: Stand) -> None:
    assert await stand.sink().progress() is None


async def test_every_type_of_json_survives(stand: Stand) -> None:
    values = {"t": "\u2028 😀", "i": 2**53 - 1, "f": 1e-7, "b": True, "n": None, "deep": [[[{"a": {}}]]], "": "empty"}
    sink = stand.sink()

    async with opened(sink):
        await sink.apply([effects_of(an_events_record([a_track(properties=values)]), 0)])

    (row,) = await stand.client.query(
        f"select to_json_string(properties) as text from {stand.tables[EVENTS_TOPIC].path} where received_at = @noon",
        noon=NOON,
    )
    assert json.loads(row["text"]) == values
