"""What the loop sees of Faust, without a broker: a consumer, its app and a stream, each moved by the test itself."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple, NoReturn
from weakref import WeakSet

from processors.batch import Phases
from processors.consume import Loop
from processors.given_back import GivenBack
from processors.intents import Point
from processors.memory import Memory
from processors.patience import Patience
from processors.portions import Portion
from processors.processor import Effects, nothing
from processors.rewind import rewindable
from processors.stores.dead_letters import DeadLetters
from processors.telemetry import Telemetry
from schemas.projections import Key
from schemas.topics import FACTS, Topic
from tests.builders import NOON

TURNS = 50  # of the event loop: nothing here waits for anything outside it
NUMBERS = Topic(
    name=FACTS.name,
    one_message_is="a number",
    key="none",
    partitions_local=1,
    partitions_production=1,
    config={},
    why="a test",
    decode=lambda key, value: int(value or b""),
)


class TP(NamedTuple):
    topic: str
    partition: int


HERE = TP(FACTS.name, 0)
PARTITION = (FACTS.name, 0)  # the same, as the loop spells it


@dataclass(eq=False)
class Message:
    """One delivery of a record; the same offset delivered again is another message."""

    offset: int
    generation_id: int = 1
    tp: TP = HERE
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()

    @property
    def topic(self) -> str:
        return self.tp.topic

    @property
    def partition(self) -> int:
        return self.tp.partition

    @property
    def value(self) -> bytes:
        return b"%d" % self.offset


@dataclass
class Event:
    message: Message


class Fetching:
    """Faust's consumer, its thread and Kafka in one. A fetch ends when the test says so."""

    def __init__(self) -> None:
        self._thread = self
        self.unacked: WeakSet[Message] = WeakSet()
        self._committed_offset: dict[TP, int | None] = {}
        self._read_offset: dict[TP, int | None] = {}
        self._acked: dict[TP, list[int]] = defaultdict(list)
        self._acked_index: dict[TP, set[int]] = defaultdict(set)
        self._gap: dict[TP, Any] = {}
        self._buffered_partitions: set[TP] = set()
        self.flow_active = True
        self.fetched = asyncio.Event()
        self.position = 0
        self.told: list[str] = []

    def assignment(self) -> set[TP]:
        return {HERE}

    def stop_flow(self) -> None:
        self.flow_active = False

    def resume_flow(self) -> None:
        self.flow_active = True

    def on_buffer_drop(self, tp: TP) -> None:
        self._buffered_partitions.discard(tp)

    async def _getmany(self, active_partitions: Any, timeout: float) -> list[int]:
        await self.fetched.wait()
        return [self.position]

    async def force_commit(self) -> bool:
        self.told.append("force_commit")
        return True

    async def perform_seek(self) -> None:
        self.told.append("perform_seek")

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        self.told.append("commit")
        await asyncio.sleep(0)
        return True

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self.told.append("seek")
        await asyncio.sleep(0)
        self.position = partitions[HERE]

    async def earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        return dict.fromkeys(partitions, 0)


class FlowControl:
    def suspend(self) -> None: ...

    def resume(self) -> None: ...

    def clear(self) -> None: ...


class FaustApp:
    """One that has joined its group."""

    def __init__(self) -> None:
        self.consumer: Any = rewindable(Fetching)()
        self.flow_control = FlowControl()
        self.rebalancing = False
        self.should_stop = False
        self.consumer_generation_id = 1


class Stream:
    """Gives the batches that the test puts into `taken`."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[Sequence[Event]] = asyncio.Queue()
        self.acknowledged: list[int] = []

    async def noack_take(self, max_: int, within: float) -> AsyncIterator[Sequence[Event]]:
        while True:
            yield await self.taken.get()

    async def ack(self, event: Event) -> None:
        self.acknowledged.append(event.message.offset)


class Emptied:
    """A store that was told everything below `reached`, until it is emptied (0).

    `apply` waits for `free`, raises each of `failures` once, and refuses to write when it was emptied meanwhile.
    """

    def __init__(self, reached: int) -> None:
        self.reached = reached
        self.applied: list[int] = []
        self.failures: list[Exception] = []
        self.dropped: list[tuple[str, int]] = []
        self.free = asyncio.Event()
        self.free.set()

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def progress(self) -> Mapping[tuple[str, int], int] | None:
        await asyncio.sleep(0)
        return {PARTITION: self.reached} if self.reached else {}

    async def drop_watermarks(self, partitions: Collection[tuple[str, int]]) -> None:
        self.dropped += partitions

    async def apply(self, effects: Sequence[Effects]) -> None:
        before = self.reached
        await self.free.wait()
        if self.failures:
            raise self.failures.pop()
        if self.reached < before:
            raise RuntimeError("emptied under the batch")
        self.applied += [each.origin.offset for each in effects]
        self.reached = max(self.reached, effects[-1].origin.offset + 1)


class Flow:
    """The real loop, memory and rewind over all these; everything below `committed` is done."""

    def __init__(self, committed: int, at_once: int = 0) -> None:
        self.app, self.stream, self.store = FaustApp(), Stream(), Emptied(committed)
        self.consumer = self.app.consumer
        self.consumer._committed_offset[HERE] = committed
        given_back, telemetry = GivenBack(), Telemetry()
        self.memory = Memory(self.app, "views", self.store, [FACTS.name], given_back, lambda: NOON)
        self.loop = Loop(self.app, "views", given_back, self.memory, telemetry, _leave)
        self._phases = Phases(
            name="views",
            reads=[NUMBERS],
            rule=lambda number: [Point(Key(str(number)), "")],
            known=nothing,
            store=self.store,
            dead_letters=DeadLetters(_send, "views", lambda: NOON),
            patience=Patience("views", self.loop.gives_up, self.loop.turned, telemetry, Random(1)),
            telemetry=telemetry,
            guard=self.loop.guard,
            at_once=Portion(at_once),
        )

    async def run(self) -> None:
        await self.loop.run(self.stream, self._phases, batch=10, window_s=1.0)

    def delivered(self, *offsets: int, generation: int = 1) -> list[Event]:
        """Records that have reached the stream; they wait in its buffer until `take`."""
        events = [Event(Message(offset, generation)) for offset in offsets]
        self.consumer.unacked.update(event.message for event in events)
        return events

    def take(self, events: Sequence[Event]) -> None:
        self.stream.taken.put_nowait(events)


async def turns() -> None:
    """Lets everything go as far as it can by itself."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def _leave(code: int, why: str) -> NoReturn:
    raise AssertionError(why)


async def _send(*_: object) -> None:
    raise AssertionError("no record of these tests is bad")
