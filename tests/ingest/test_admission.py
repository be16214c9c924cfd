"""Who begins when too much comes: in turns of this very loop, whose length a test's clock says."""

import asyncio

import pytest
from starlette.types import Message

from ingest.admission import COMMANDS_SHARE, LOCKED_S, MOST_BYTES, MOST_COMMANDS, Admission, Class, Held
from ingest.rules import gradient
from ingest.telemetry import Telemetry
from schemas.problems import Refusal


def batches(count: int) -> list[Class]:
    return ["batch"] * count


class Busy:
    """An admission and the time its requests take."""

    def __init__(self) -> None:
        self.now, self.telemetry = 1_000.0, Telemetry()
        self.admission = Admission(self.telemetry, wall=self.time, cpu=self.time)

    def time(self) -> float:
        return self.now

    async def turn(self, *kinds: Class, each_s: float = 0.0) -> list[bool]:
        """One turn that these requests begin, each of which takes so long; who was let in."""
        begun = []
        for kind in kinds:
            begun.append(self.admission.begin(kind))
            if begun[-1]:
                self.now += each_s
                self.admission.end(kind)
        await asyncio.sleep(0)
        return begun

    async def overloaded(self) -> "Busy":
        """After long turns, one right after the other."""
        for _ in range(40):
            await self.turn(*batches(100), each_s=0.001)
        return self

    async def quiet(self) -> None:
        """A turn of the loop in which nothing begins."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def told(self, line: str) -> bool:
        self.admission.tell()
        return line.encode() in self.telemetry.exposition()


@pytest.fixture
def busy() -> Busy:
    return Busy()


async def test_a_burst_begins_as_a_whole(busy: Busy) -> None:
    assert all(await busy.turn(*batches(500), each_s=0.0003))
    assert busy.told('inflight_limit{room="ingest"} 2048.0')


async def test_a_standing_queue_is_cut_to_what_a_short_turn_can_do(busy: Busy) -> None:
    begun = await (await busy.overloaded()).turn(*batches(100), each_s=0.001)

    assert 0 < sum(begun) <= gradient.LONGEST_LIMITED_S / 0.001 + 2
    assert begun == sorted(begun, reverse=True), "who came first begins"
    assert busy.told('shed_total{class="batch",room="ingest"}')


async def test_a_turn_ends_in_time_whatever_the_limit(busy: Busy) -> None:
    await busy.turn("batch", each_s=0.01)
    begun = await busy.turn(*batches(100), each_s=0.01)

    assert sum(begun) == pytest.approx(gradient.LONGEST_S / 0.01, abs=1.5)


async def test_when_it_is_over_all_begin_again(busy: Busy) -> None:
    await busy.overloaded()
    for _ in range(400):
        await busy.turn("batch", each_s=0.0001)

    assert all(await busy.turn(*batches(500)))


async def test_no_more_wait_for_a_turn_than_it_may_begin(busy: Busy) -> None:
    assert all(busy.admission.comes() for _ in range(5_000)), "nothing is limited"
    await busy.overloaded()

    come = [busy.admission.comes() for _ in range(5_000)]
    assert 0 < sum(come) < 100
    assert come == sorted(come, reverse=True)
    await busy.turn("batch")
    assert busy.admission.comes()


async def test_commands_are_shed_before_batches(busy: Busy) -> None:
    most = int(gradient.MOST * COMMANDS_SHARE)

    begun = await busy.turn(*batches(most), "command", "batch")

    assert begun[most:] == [False, True]


async def test_after_a_batch_was_shed_no_command_begins_for_a_while(busy: Busy) -> None:
    await busy.overloaded()

    assert await busy.turn("command") == [False]
    busy.now += LOCKED_S
    assert await busy.turn("command") == [True]


async def test_commands_that_wait_are_bounded_and_batches_are_not(busy: Busy) -> None:
    for _ in range(MOST_COMMANDS):
        assert busy.admission.begin("command")
        await asyncio.sleep(0)

    assert await busy.turn("command", "batch") == [False, True]
    assert busy.told(f'inflight{{room="ingest"}} {MOST_COMMANDS}.0')
    busy.admission.end("command")
    assert await busy.turn("command") == [True]


async def test_what_other_processes_take_of_the_machine_sheds_nobody() -> None:
    busy = Busy()
    busy.admission = Admission(busy.telemetry, wall=busy.time, cpu=lambda: busy.now / 100)
    await busy.overloaded()

    assert all(await busy.turn(*batches(100), each_s=0.001))


async def test_a_long_turn_after_a_quiet_time_sheds_nobody(busy: Busy) -> None:
    for _ in range(100):
        await busy.turn("batch", each_s=0.5)
        await busy.quiet()

    assert all(await busy.turn(*batches(500)))


async def test_answers_that_are_written_between_two_turns_are_no_rest(busy: Busy) -> None:
    for _ in range(40):
        await busy.turn(*batches(100), each_s=0.001)
        busy.now += 0.01

    assert sum(await busy.turn(*batches(100), each_s=0.001)) < 100


def a_body(*sizes: int) -> "list[Message]":
    return [{"type": "http.request", "body": bytes(size), "more_body": True} for size in sizes]


async def read(held: Held, pieces: int) -> None:
    receive = held.receiver({})
    for _ in range(pieces):
        await receive()


def held(busy: Busy, *sizes: int) -> Held:
    """A request whose body comes in pieces of these sizes."""
    messages = iter(a_body(*sizes))

    async def receive() -> Message:
        return next(messages)

    return Held(busy.admission, receive)


async def test_bodies_are_refused_before_memory_runs_out_and_what_is_given_back_serves_others(busy: Busy) -> None:
    half = MOST_BYTES // 2
    first, second, third = held(busy, half), held(busy, half), held(busy, 1, 1)
    await read(first, 1)
    await read(second, 1)

    with pytest.raises(Refusal) as refused:
        await read(third, 1)
    assert (refused.value.refused.code, refused.value.refused.retry_after_s) == ("overloaded", 1)
    first.release()
    await read(third, 1)
    assert busy.admission.held == half + 1


async def test_a_small_body_is_counted_once_it_is_there(busy: Busy) -> None:
    small = held(busy, 100)
    receive = small.receiver({b"content-length": b"100"})

    await receive()
    assert busy.admission.held == 0
    small.expect(100)
    assert busy.admission.held == 100


@pytest.mark.parametrize("length", [b"64001", b"9" * 30, b"-1", b"x"])
async def test_any_other_is_counted_as_it_comes(busy: Busy, length: bytes) -> None:
    large = held(busy, 70_000)

    await large.receiver({b"content-length": length})()

    assert busy.admission.held == 70_000


async def test_what_a_body_inflates_to_counts_too(busy: Busy) -> None:
    packed = held(busy, 10)
    await read(packed, 1)

    packed.expect(5)  # it cannot have shrunk
    assert busy.admission.held == 10
    packed.expect(1_000)
    assert busy.admission.held == 1_000
    with pytest.raises(Refusal):
        packed.expect(MOST_BYTES + 1)
    packed.release()
    assert busy.admission.held == 0
