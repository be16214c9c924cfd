"""What may happen to Kafka, as seen by a collector under traffic: each fault comes, stays a moment, and goes."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.faults.broker import Broker
from tests.faults.collecting import Collector
from tests.faults.ledger import Verdict, balanced, check
from tests.faults.phones import Phones
from tests.faults.proxy import Direction
from tests.waiting import eventually

PER_S = 40.0  # batches
DRAIN_S = 180  # patience


@asynccontextmanager
async def traffic(collector: Collector, per_second: float = PER_S) -> AsyncIterator[Phones]:
    """Phones post while the body runs; afterwards everything is answered."""
    phones, done = Phones(int(collector.url.rpartition(":")[2])), asyncio.Event()
    posting = asyncio.create_task(phones.post(per_second, done.is_set))
    try:
        yield phones
    finally:
        done.set()
        await posting


async def stored(broker: Broker, collector: Collector, phones: Phones) -> Verdict:
    """The spool is empty, the ledger and the collector's own counts agree with the log."""
    await asyncio.to_thread(collector.drained, DRAIN_S)
    assert await asyncio.to_thread(balanced, collector.metric)
    return await asyncio.to_thread(check, broker.settings, phones.ledger)


async def lose_an_answer(broker: Broker) -> None:
    """The next answer is cut off whole and its connection reset: the broker has written, and nobody knows."""
    before = broker.proxy.cut
    broker.proxy.rule("answers", cut_after=0)
    await asyncio.to_thread(eventually, lambda: broker.proxy.cut > before, every_s=0.01)
    broker.proxy.rule("answers", cut_after=None)


async def freeze(broker: Broker, seconds: float) -> None:
    """The process stands still; the kernel goes on taking its connections and bytes."""
    broker.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        broker.signal(signal.SIGCONT)


async def away(broker: Broker, seconds: float) -> None:
    """Killed (-9), and started again after a while."""
    broker.kill()
    await asyncio.sleep(seconds)
    await asyncio.to_thread(broker.start)


@dataclass(frozen=True)
class Chaos:
    """Faults at random, one after the other; the same seed gives the same faults."""

    broker: Broker
    collector: Collector
    chance: random.Random

    async def inject(self) -> str:
        """One fault, and a moment of peace; its name."""
        fault = self.chance.choices([f for f, _ in self._faults()], [often for _, often in self._faults()])[0]
        await fault()
        self.broker.proxy.heal()
        await asyncio.sleep(self.chance.uniform(0.2, 1.5))
        return fault.__name__.strip("_")

    def _faults(self) -> tuple[tuple[Callable[[], Awaitable[None]], int], ...]:
        """With how often each comes; a broker's start costs seconds of the machine."""
        return (
            (self._broker_killed, 2), (self._broker_bounced, 2), (self._broker_frozen, 2), (self._collector_killed, 3),
            (self._connections_reset, 5), (self._answer_lost, 5), (self._answers_swallowed, 3),
            (self._requests_swallowed, 3), (self._refused, 3), (self._slow, 3),
        )  # fmt: skip

    async def _broker_killed(self) -> None:
        await away(self.broker, self.chance.uniform(0, 2))

    async def _broker_bounced(self) -> None:
        await asyncio.to_thread(self.broker.bounce)

    async def _broker_frozen(self) -> None:
        await freeze(self.broker, self.chance.uniform(0.3, 4))

    async def _collector_killed(self) -> None:
        self.collector.kill()
        await asyncio.to_thread(self.collector.start)

    async def _connections_reset(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            self.broker.proxy.reset()
            await asyncio.sleep(self.chance.uniform(0, 0.3))

    async def _answer_lost(self) -> None:
        self.broker.proxy.rule("answers", cut_after=self.chance.choice([0, 0, 40, 400]))
        await asyncio.sleep(self.chance.uniform(0.05, 0.5))

    async def _answers_swallowed(self) -> None:
        await self._for_a_while("answers", swallowed=True)

    async def _requests_swallowed(self) -> None:
        await self._for_a_while("requests", swallowed=True)

    async def _refused(self) -> None:
        self.broker.proxy.down()
        await asyncio.sleep(self.chance.uniform(0.1, 3))

    async def _slow(self) -> None:
        await self._for_a_while("answers", latency_s=self.chance.uniform(0.1, 3), jitter_s=0.2)

    async def _for_a_while(self, direction: Direction, **change: object) -> None:
        """What was swallowed in the midst of a message would leave the rest unreadable: the connections go, too."""
        self.broker.proxy.rule(direction, **change)
        await asyncio.sleep(self.chance.uniform(0.3, 4))
        self.broker.proxy.heal()
        self.broker.proxy.reset()
