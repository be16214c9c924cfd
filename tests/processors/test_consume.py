"""The loop on the real broker: whatever dies, nothing is lost, order holds, dead letters are exactly the poison."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import Stack
from schemas.topics import Origin
from tests.processors.flows import Flow, turns
from tests.processors.loops import PARTITIONS, Laboratory, laboratory, numbers
from tests.waiting import eventually


@pytest.fixture
def lab(parts: Stack, tmp_path: Path) -> Iterator[Laboratory]:
    with laboratory(parts.settings, tmp_path) as lab:
        yield lab


def test_a_worker_killed_in_the_middle_of_a_batch_loses_nothing(lab: Laboratory) -> None:
    lab.produce(numbers(1_600))

    for _ in range(2):
        before = len(lab.applied())
        worker = lab.worker(instance="a", slow_s=0.03)
        eventually(lambda before=before: len(lab.applied()) > before)  # type: ignore[misc]
        time.sleep(lab.random.uniform(0, 0.6))
        worker.kill()
    assert len(set(lab.applied())) < 1_600  # else nothing was interrupted
    lab.worker(instance="a")

    lab.all_applied()
    lab.only_dead([])


@pytest.mark.parametrize("how", ["down", "hang"])
def test_told_to_stop_while_the_store_is_away_a_worker_leaves_in_time_and_acknowledges_nothing(
    lab: Laboratory, how: str
) -> None:
    lab.produce(numbers(200))
    lab.depend(how)
    worker = lab.worker(instance="a", timeout_s=1.0)
    eventually(lambda: "retrying" in worker.said)

    code, took_s = worker.terminate()

    assert code == 0
    assert took_s < 5.0 + 2.0  # drain_s, and a little
    assert lab.applied() == []
    assert not any(lab.committed().values())
    lab.depend("")
    lab.worker(instance="a")
    lab.all_applied()
    lab.only_dead([])


def test_exactly_the_poison_goes_to_the_dead_letters_with_its_bytes_and_its_reason(lab: Laboratory) -> None:
    bad: dict[str, list[bytes | None]] = {
        "decode": [b'{"n": 1', b"\xff\xfe", None, b'{"n": "x"}'],
        "rule": [json.dumps({"n": 7, "bad": True}).encode()],
        "apply": [json.dumps({"n": 8, "refused": True}).encode()] * 2,
    }
    poison: dict[Origin, tuple[str, bytes | None]] = {}
    for stage, values in bad.items():
        lab.produce(numbers(100))
        origins = lab.produce(values, headers=[("trace", b"1"), ("trace", b"2")])
        poison |= {origin: (stage, value) for origin, value in zip(origins, values, strict=True)}
    lab.produce(numbers(100))

    lab.worker()

    lab.all_applied(but=list(poison))
    lab.only_dead(list(poison))
    for dead in lab.dead():
        record = dead.letter.record
        assert (dead.letter.stage, record.value) == poison[record.origin]
        assert dead.letter.headers == (("trace", b"1"), ("trace", b"2"))
        assert record.key == b"k"
        assert dead.letter.reason


def test_a_record_as_large_as_the_broker_takes_still_fits_into_a_dead_letter(lab: Laboratory) -> None:
    large = lab.random.randbytes((1 << 20) - 200)  # random: nothing to compress
    lab.produce([b"before"], partition=0)
    poison = lab.produce([large], partition=0)
    after = lab.produce(numbers(1), partition=0)

    lab.worker()

    eventually(lambda: set(lab.applied()) == set(after))
    lab.only_dead([lab.produced[0][0], *poison])
    assert large in [dead.letter.record.value for dead in lab.dead()]


def test_an_outage_of_the_store_sends_no_good_record_to_the_dead_letters(lab: Laboratory) -> None:
    lab.produce(numbers(400))
    worker = lab.worker(slow_s=0.02, timeout_s=1.0)
    eventually(lambda: len(lab.applied()) > 40)

    lab.depend("down")
    lab.produce(numbers(400, start=400))
    time.sleep(3)
    lab.depend("hang")
    time.sleep(2)
    lab.depend("")

    lab.all_applied()
    lab.only_dead([])
    assert "retrying" in worker.said


def test_workers_that_join_and_leave_lose_nothing_and_keep_order(lab: Laboratory) -> None:
    stop = threading.Event()

    def traffic() -> None:
        number = 0
        while not stop.is_set():
            lab.produce(numbers(40, start=number))
            number += 40
            time.sleep(0.1)

    sending = threading.Thread(target=traffic)
    sending.start()
    try:
        lab.worker(slow_s=0.01)
        eventually(lambda: lab.workers() == 1)
        second = lab.worker(slow_s=0.01)
        eventually(lambda: lab.workers() == 2)
        second.terminate()
        third = lab.worker(slow_s=0.01)
        eventually(lambda: lab.workers() == 3)
        third.kill()
    finally:  # else it sends for ever when something above fails, and this run never ends
        stop.set()
        sending.join()

    lab.all_applied()
    lab.only_dead([])


def test_a_hundred_dead_letters_in_a_row_stop_the_processor_and_no_offset_passes_them(lab: Laboratory) -> None:
    lab.produce(numbers(50), partition=0)
    poison = lab.produce([b"no"] * 400, partition=0)

    for _ in range(2):  # the supervisor starts it again, and it stops again
        worker = lab.worker(instance="a")
        assert worker.ended() == 70
        assert "dead-letter cap reached" in worker.said

    assert lab.committed()[0] <= poison[0].offset
    assert {dead.letter.record.origin for dead in lab.dead()} <= set(poison[:100])
    assert len(set(lab.applied())) == 50


def test_an_idle_store_that_was_emptied_is_filled_again(lab: Laboratory) -> None:
    lab.produce(numbers(200))
    lab.worker()
    lab.all_applied()
    eventually(lambda: sum(lab.committed().values()) == 200)

    lab.wipe()

    lab.all_applied()
    lab.produce(numbers(100, start=200))
    lab.all_applied()
    eventually(lambda: sum(lab.committed().values()) == 300)


@pytest.mark.nightly  # at every commit: the idle one, above
def test_a_busy_store_that_was_emptied_is_filled_again(lab: Laboratory) -> None:
    lab.produce(numbers(2_000))
    lab.worker(slow_s=0.01)

    for share in (0.2, 0.5):
        eventually(lambda share=share: len(set(lab.applied())) > share * 2_000)  # type: ignore[misc]
        time.sleep(lab.random.uniform(0, 0.3))
        lab.wipe()

    lab.all_applied()
    eventually(lambda: lab.committed() == dict.fromkeys(range(PARTITIONS), 500))
    lab.only_dead([])


async def test_of_a_batch_in_portions_what_is_finished_is_acknowledged_and_only_the_rest_given_back() -> None:
    flow = Flow(committed=10, at_once=1)
    running = asyncio.create_task(flow.run())
    flow.store.free.clear()
    given = flow.delivered(10, 11, 12)
    flow.take(given)
    await turns()
    flow.app.should_stop = True
    flow.store.free.set()
    await turns()

    assert flow.store.applied == flow.stream.acknowledged == [10]
    assert set(flow.consumer.unacked) == {given[0].message}  # the others wait for nobody: they come again
    flow.take(flow.delivered(12))
    await turns()
    assert flow.stream.acknowledged == [10]  # not past the hole
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
