"""`python -m processors replay feeds|views --shadow redis://...`: a view made anew from the log, beside the live one.

It reads facts from the log's first record to where the live view is, never beyond: the two can be compared, and what
takes the live one's place is nothing that its workers do not know. How far the shadow is stands on its own servers, so
the same command goes on where it was interrupted.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from processors import log
from processors.agents import PROCESSORS
from processors.log import Span
from processors.processor import Effects, Processor
from processors.stores import shadow
from processors.stores.dead_letters import is_for
from processors.stores.moving import client
from processors.stores.projections import Ahead, Projections
from processors.stores.shadow import Connect, Positions, Side
from processors.stores.shadow_diff import PAUSE_S, Differ, report
from processors.stores.shadow_swap import Swap
from schemas.settings import Settings
from schemas.topics import Origin

BATCH = 500  # records between two notes of how far it is
TELL_EVERY_S = 5.0
SHOW = 20  # differences

Say = Callable[[str], None]


class Source(Protocol):
    """The log: `log.Log`."""

    def spans(self, topic: str) -> dict[int, Span]:
        """What each partition holds."""

    def records(self, topic: str, number: int, span: Span) -> Iterator[Any]:
        """The partition's records in this span, oldest first."""


class Order(Protocol):
    """What the operator wants."""

    compare: bool
    swap: bool
    show: int


@dataclass
class Pace:
    """A line now and then for whoever waits: a million records take minutes."""

    say: Say
    clock: Callable[[], float] = monotonic
    total: int = 0
    done: int = 0
    _began: float = field(init=False)
    _said_at: float = field(init=False)

    def begin(self, total: int) -> None:
        """So many are to be read."""
        self.total, self.done = total, 0
        self._began = self._said_at = self.clock()

    def add(self, records: int) -> None:
        """So many more are applied."""
        self.done += records
        now = self.clock()
        if now - self._said_at >= TELL_EVERY_S:
            self._said_at = now
            rate = self.done / (now - self._began)
            left_s = (self.total - self.done) / rate if rate else 0
            share = 100 * self.done // max(self.total, 1)
            self.say(
                f"replayed {self.done:,} of {self.total:,} records ({share} %), {rate:,.0f}/s, {left_s:,.0f} s left"
            )


@dataclass
class Replay:
    """Brings a store from wherever it is to any later place in the log."""

    processor: Processor
    log: Source
    store: Projections
    pace: Pace
    unreadable: int = 0  # records that went to the dead letters, or would
    _firsts: dict[tuple[str, int], int] = field(default_factory=dict)

    def ends(self) -> Positions:
        """The log's ends; notes its beginnings, for it may have been cut."""
        spans = {
            (topic.name, n): span for topic in self.processor.reads for n, span in self.log.spans(topic.name).items()
        }
        self._firsts = {at: span.first for at, span in spans.items()}
        return {at: span.end for at, span in spans.items()}

    async def to(self, ends: Positions) -> None:
        """Everything below these offsets is applied; what was is not read again."""
        reached = await self.store.progress()
        spans = {at: Span(reached.get(at, 0), end) for at, end in sorted(ends.items()) if reached.get(at, 0) < end}
        self.pace.begin(sum(span.end - span.first for span in spans.values()))
        for (topic, number), span in spans.items():
            await self._partition(topic, number, span)

    async def _partition(self, topic: str, number: int, span: Span) -> None:
        first = max(span.first, self._firsts[topic, number])
        batch: list[Effects] = []
        for record in self.log.records(topic, number, Span(first, span.end)):
            batch.append(Effects(Origin(topic, number, record.offset), self._intents(topic, record)))
            if len(batch) == BATCH:
                await self._apply(batch)
                batch = []
        last = Origin(topic, number, span.end - 1)  # after compaction it may not be there
        await self._apply(batch if batch and batch[-1].origin == last else [*batch, Effects(last, ())])

    async def _apply(self, batch: Sequence[Effects]) -> None:
        await self.store.apply(batch)
        self.pace.add(len(batch))

    def _intents(self, topic: str, record: Any) -> tuple[Any, ...]:
        if not is_for(self.processor.name, record.headers):
            return ()
        decode = next(each.decode for each in self.processor.reads if each.name == topic)
        try:
            return tuple(self.processor.rule(decode(record.key, record.value)))  # type: ignore[arg-type]
        except Exception:  # pure phases: the record is bad, and stands in the dead letters
            self.unreadable += 1
            return ()


@dataclass(frozen=True)
class Doors:
    """What a replay is made with; tests have a log, connections and pauses of their own."""

    settings: Settings
    log: Source
    clock: Callable[[], datetime]
    say: Say
    meanwhile: Say
    code: str
    connect: Connect = client
    pause_s: float = PAUSE_S


async def told(
    settings: Settings, name: str, to: str, order: Order, clock: Callable[[], datetime], say: Say, meanwhile: Say
) -> int:
    """The exit code: 1 when a comparison found differences."""
    with log.opened(settings) as opened:
        return await replay(Doors(settings, opened, clock, say, meanwhile, code()), name, to, order)


async def replay(doors: Doors, name: str, to: str, order: Order) -> int:
    """Fills the shadow at the address (or table) `to`; then compares and swaps, as wanted."""
    processor = next(each for each in PROCESSORS if each.name == name)
    async with AsyncExitStack() as stack:
        live = await shadow.live(doors.settings.redis_url, processor.name, doors.connect)
        stack.push_async_callback(live.close)
        beside = await shadow.shadow(to, processor.name, doors.code, doors.connect)
        stack.push_async_callback(beside.close)
        store = Projections(processor.name, to, doors.clock, doors.settings.feed_pull_above)
        stack.push_async_callback(store.close)
        await store.open()
        return await _done(doors, Replay(processor, doors.log, store, Pace(doors.meanwhile)), live, beside, order)


async def _done(doors: Doors, work: Replay, live: Side, beside: Side, order: Order) -> int:
    name = work.processor.name
    await live.lift(name)  # of a swap that was killed
    now = await live.positions(name)
    ends = work.ends()
    if beyond := {at: offset for at, offset in now.items() if offset > ends.get(at, 0)}:
        raise Ahead(f"the live view has applied more than the log holds: {beyond}")
    await work.store.refuse_if_ahead(ends)
    await work.to(now)
    doors.say(_filled(work))
    differ = 0
    if order.compare:
        found = await Differ(name, live, beside, work.to, doors.pause_s).compare()
        doors.say(report(found, order.show))
        differ = len(found.differing)
    if order.swap:
        done = Swap(name, live, beside, work.to, doors.meanwhile)
        await done.swap()
        doors.say(f"swapped: {done.replaced:,} keys of {name} are as the replay made them, {done.removed:,} are gone")
    return 1 if differ and not order.swap else 0


def _filled(work: Replay) -> str:
    bad = f"; {work.unreadable:,} could not be read (`python -m processors dead list`)" if work.unreadable else ""
    return f"the shadow of {work.processor.name} is as far as the live one: {work.pace.done:,} records read{bad}"


def code() -> str:
    """Rules, stores and the language as a hash: what other code began is not gone on with."""
    here = Path(__file__).parent
    rooms = [here / "rules", here / "stores", here.parent / "schemas"]
    files = sorted(file for room in rooms for kind in ("*.py", "*.lua") for file in room.rglob(kind))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
