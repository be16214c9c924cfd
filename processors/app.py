"""Composition root: one Faust app (consumer group) per processor, every setting in one place."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

import faust
import structlog
from faust.contrib.asgi import faust_app_running
from faust.transport.drivers.aiokafka import Consumer
from mode import Service

from processors.abilities import Leasing
from processors.batch import Phases
from processors.consume import Loop
from processors.drain import Deadline, Leave, leave
from processors.given_back import GivenBack
from processors.memory import Memory
from processors.patience import TIMEOUT_S, Patience
from processors.processor import Processor, Store, nothing
from processors.rewind import rewindable
from processors.stores.dead_letters import DeadLetters, Headers
from processors.telemetry import Telemetry
from processors.watchdog import LOOK_EVERY_S, STUCK_S, Watchdog
from processors.wiring import Wiring
from schemas import facts
from schemas.facts import Fact
from schemas.settings import Settings
from schemas.telemetry import FACTS_APPENDED
from schemas.topics import DEAD, FACTS, Topic

POLL_RECORDS = 12  # per partition and poll; with the buffer below no partition is ever held back by another
LARGEST_REQUEST = 2 << 20  # a foreign record may be the broker's 1 MiB; its dead letter carries headers besides

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Pace:
    """How long things may take. Tests shorten them; nothing else does."""

    timeout_s: float = TIMEOUT_S
    drain_s: float = 25.0
    look_s: float = 1.0
    stuck_s: float = STUCK_S
    commit_s: float = 1.0  # the duplicate window of a rebalance
    session_s: float = 10.0
    dead_topic: str = DEAD.name
    leave: Leave = field(default=leave)


class App(faust.App):
    """A Faust app that ends in time, is watched, and reads again what its store has lost."""

    processor: Processor
    loop_of_agent: Loop
    memory: Memory
    watchdog: Watchdog
    store: Store
    pace: Pace

    def _create_directories(self) -> None:
        """None: they are for tables, which we do not have."""

    def _new_transport(self) -> Any:
        transport: Any = super()._new_transport()
        transport.Consumer = rewindable(Consumer)
        return transport

    def running(self) -> AbstractAsyncContextManager[Any]:
        """Started on the running event loop inside, stopped after."""
        context: AbstractAsyncContextManager[Any] = faust_app_running(self)
        return context

    def not_ready(self) -> str | None:
        """Why it does not process records just now."""
        if not self.started or self.rebalancing:
            return f"{self.processor.name} has no partitions yet"
        return None if self.memory.is_open else f"{self.processor.name} cannot reach its store"

    async def stop(self) -> None:
        """Drains, but not for ever: with the broker gone aiokafka retries its last commit without end."""
        deadline = Deadline(self.pace.drain_s)
        deadline.start()
        await super().stop()
        await self.store.close()
        deadline.met()

    @Service.task
    async def _remember(self) -> None:
        said = ""
        while not await self.sleep_until_stopped(self.pace.look_s):
            said = await self._look(said)

    async def _look(self, said: str) -> str:
        """What is wrong with the store, "" when nothing is; said aloud, with the stack, when it is not what was `said`.

        Mostly the store or Kafka is away: the loop retries where it matters, we look again. But a bug of ours ends up
        here too, and keeps the processor unready.
        """
        try:
            await asyncio.wait_for(self.memory.look(), self.pace.timeout_s)
        except Exception as error:
            wrong = repr(error)[:500]
            if wrong != said:
                log.exception("could not look at the store", processor=self.processor.name, error=wrong)
            return wrong
        return ""

    @Service.task
    async def _watch(self) -> None:
        while not await self.sleep_until_stopped(LOOK_EVERY_S):
            await self.watchdog.look()

    async def sleep_until_stopped(self, seconds: float) -> bool:
        """Whether the app is stopping."""
        await self.sleep(seconds)
        return bool(self.should_stop)


def make_app(
    processor: Processor,
    settings: Settings,
    telemetry: Telemetry,
    clock: Callable[[], datetime],
    pace: Pace | None = None,
) -> App:
    """The app of one processor, ready to start."""
    pace = pace or Pace()
    app = _faust_app(processor, settings, pace)
    wiring = Wiring(settings, processor.name, _appender(app, telemetry), clock)
    app.processor, app.pace = processor, pace
    app.store = processor.store(wiring)
    given_back = GivenBack()
    app.memory = Memory(app, processor.name, app.store, [topic.name for topic in processor.reads], given_back, clock)
    app.loop_of_agent = Loop(app, processor.name, given_back, app.memory, telemetry, pace.leave)
    app.watchdog = Watchdog(app, processor.name, lambda: app.loop_of_agent.turned_at, pace.stuck_s)
    phases = _phases(app, wiring, telemetry)

    async def agent(stream: Any) -> None:
        await app.loop_of_agent.run(stream, phases, batch=processor.batch, window_s=processor.window_s)

    topics = app.topic(*(topic.name for topic in processor.reads), key_type=bytes, value_type=bytes)
    app.agent(topics, name=f"processors.{processor.name}", concurrency=1)(agent)
    if isinstance(app.store, Leasing):
        _tell_of_partitions(app, app.store)
    return app


def _tell_of_partitions(app: App, store: Leasing) -> None:
    """Only drops what is held: a hook is no gate (records arrive while it sleeps, an exception crashes the app)."""

    async def assigned(sender: Any, /, *sent: Any, **_: Any) -> None:
        store.forget([(tp.topic, tp.partition) for tp in sent[0]])

    async def revoked(sender: Any, /, *_: Any, **__: Any) -> None:
        store.forget()

    app.on_partitions_assigned.connect(assigned, weak=False)
    app.on_partitions_revoked.connect(revoked, weak=False)


def _faust_app(processor: Processor, settings: Settings, pace: Pace) -> App:
    name, instance = processor.name, settings.instance
    return App(
        name,
        broker=[f"kafka://{address}" for address in settings.brokers],
        version=1,
        key_serializer="raw",
        value_serializer="raw",
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,  # its port is unauthenticated; we serve /live, /ready and /metrics ourselves
        env_prefix="FAUST_",
        datadir=tempfile.gettempdir(),  # never written to
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=True,
        broker_max_poll_interval=1e6,  # the default makes a blocked or idle worker a zombie for good
        broker_max_poll_records=POLL_RECORDS,
        stream_buffer_maxsize=5 * POLL_RECORDS * _partitions(processor.reads, settings),
        broker_commit_interval=pace.commit_s,
        broker_session_timeout=pace.session_s,
        broker_heartbeat_interval=2,
        broker_rebalance_timeout=60,
        broker_request_timeout=60,
        consumer_metadata_max_age_ms=10_000,  # a topic created after the start is seen in 5 s, not never
        # only a unique, stable ordinal: two equal ids ping-pong for ever
        consumer_group_instance_id=f"{name}-{instance}" if instance else None,
        producer_acks=-1,
        producer_linger=0,  # with gathered sends three times faster than 10 ms
        producer_compression_type="lz4",
        producer_request_timeout=15,
        producer_max_request_size=LARGEST_REQUEST,
        processing_guarantee="at_least_once",
    )


def _partitions(topics: tuple[Topic, ...], settings: Settings) -> int:
    local = settings.kafka_partitions == "local"
    return sum(topic.partitions_local if local else topic.partitions_production for topic in topics)


def _phases(app: App, wiring: Wiring, telemetry: Telemetry) -> Phases:
    processor, loop = app.processor, app.loop_of_agent
    known: Any = nothing if processor.known is nothing else processor.known(wiring)  # type: ignore[arg-type]
    patience = Patience(
        processor.name,
        loop.gives_up,
        loop.turned,
        telemetry,
        Random(),  # noqa: S311 - jitter
        app.pace.timeout_s,
    )
    return Phases(
        name=processor.name,
        reads=processor.reads,
        rule=processor.rule,
        known=known,
        store=app.store,
        dead_letters=DeadLetters(_sender(app), processor.name, wiring.clock, app.pace.dead_topic),
        patience=patience,
        telemetry=telemetry,
        guard=loop.guard,
        at_once=processor.at_once,
    )


def _sender(app: App) -> Callable[[str, bytes | None, bytes | None, Headers], Awaitable[None]]:
    """Writes one record and returns when all replicas in sync have it."""

    async def send(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        producer = await app.maybe_start_producer()
        await producer.send_and_wait(topic, key, value, None, None, list(headers))

    return send


def _appender(app: App, telemetry: Telemetry) -> Callable[[Fact], Awaitable[None]]:
    """Appends a fact to the log; twice gives two records with one id, which views apply once."""
    send = _sender(app)

    async def append(fact: Fact) -> None:
        kind = facts.type_name(fact)
        headers = (("schema", kind.encode()), ("trace", str(fact.id).encode()))
        await send(FACTS.name, facts.aggregate(fact).encode(), facts.encode(fact), headers)
        telemetry.count(FACTS_APPENDED, kind)

    return append
