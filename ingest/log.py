"""Door to Kafka. `append` returns where the record stands once every in-sync replica has it (acks=all).

Delivery reports come from `poll`, which runs on the event loop while something is pending: a polling thread costs
13-36 us per request, a millisecond's sleep less than one.

The circuit: an events record that waits too long opens it, or a lost connection that does not come back at once; then
all that wait are refused together, in order, and new ones at once, so that they go to the spool (`store`). A probe
closes it. Facts and secrets, which have no other place to go, wait for their own time whether it is open or not.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ingest.telemetry import Telemetry
from schemas import facts, secrets
from schemas.facts import Fact
from schemas.problems import Refusal, Refused, refusal
from schemas.secrets import Password, Session
from schemas.settings import Settings
from schemas.telemetry import ACK_SECONDS, CIRCUIT_STATE, FACTS_APPENDED, RECORDS_LATE
from schemas.topics import EVENTS, FACTS, SECRETS, Origin, Topic

ALONE_S = 0.15  # when the last connection broke, so long may a broker take to answer on a new one
CIRCUIT_S = 0.9  # an events record without an ack so long opens the circuit: within a second the client is answered
PROBE_S = 0.25  # while it is open, so often is Kafka asked
DELIVERY_S = 3.0  # then the client hears 503; below every client's own timeout (the SDKs wait 10-15 s)
POLL_S = 0.001
RETRY_AFTER_S = 2
UNKNOWN = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
)  # it just started


class TooLarge(Refusal):
    """Refused with all that went with it; only a record that was sent alone is known to be too large itself."""


class Log:
    """Appends records; every method raises `Refusal(unavailable)` when Kafka did not confirm within `DELIVERY_S`.

    `TooLarge`: the broker's limit is below ours, and it took none of those that were sent together.

    A refused record may stand in the log nevertheless (the confirmation was lost): ids make its retry harmless.
    """

    def __init__(self, brokers: str, telemetry: Telemetry, security: Mapping[str, str] | None = None) -> None:
        self._config = {**_config(brokers), **(security or {}), "error_cb": self._on_error}
        self._producer = Producer(self._config)
        self._failed: list[Producer] = []  # with messages that still have to be reported lost
        self._telemetry = telemetry
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending = 0
        self._polling: asyncio.Task[None] | None = None
        self._waiting: dict[asyncio.Future[Origin], float] = {}  # records of events.v1 -> since when, oldest first
        self._probing: asyncio.Task[None] | None = None
        self._doubting: asyncio.Task[None] | None = None
        self.away = False  # the circuit is open

    async def fact(self, fact: Fact, trace: str) -> Origin:
        """The fact stands in facts.v1 under its aggregate."""
        origin = await self.append(FACTS, str(facts.aggregate(fact)), facts.encode(fact), trace)
        self._telemetry.count(FACTS_APPENDED, type=facts.type_name(fact))
        return origin

    async def secret(self, secret: Password | Session, trace: str) -> Origin:
        """The secret replaces what stood under its key."""
        return await self.append(SECRETS, secrets.key(secret), secrets.encode(secret), trace)

    async def end_secret(self, key: str, trace: str) -> Origin:
        """A tombstone: the secret under `key` is gone."""
        return await self.append(SECRETS, key, None, trace)

    async def events(self, key: str, value: bytes, trace: str) -> Origin:
        """One person's part of a batch; refused within `CIRCUIT_S`, and at once while the circuit is open."""
        if self.away:
            raise _away("the circuit to the log is open")
        began = time.monotonic()
        future = self._produced(EVENTS, key, value, trace)
        self._waiting[future] = began
        return await self._confirmed(EVENTS, future, began)

    async def append(self, topic: Topic, key: str, value: bytes | None, trace: str) -> Origin:
        """One record of any topic."""
        began = time.monotonic()
        return await self._confirmed(topic, self._produced(topic, key, value, trace), began)

    async def _confirmed(self, topic: Topic, future: "asyncio.Future[Origin]", began: float) -> Origin:
        origin = await future
        self._telemetry.seconds(ACK_SECONDS, time.monotonic() - began, topic=topic.name)
        return origin

    def _produced(self, topic: Topic, key: str, value: bytes | None, trace: str) -> "asyncio.Future[Origin]":
        """The record is on its way; the future is settled by its delivery report, or by the circuit."""
        if self._loop is None:  # asked once: it costs a system call each time
            self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Origin] = self._loop.create_future()
        headers: list[tuple[str, str | bytes | None]] = [("schema", topic.name), ("trace", trace)]
        try:
            self._producer.produce(
                topic.name, value, key.encode(), headers=headers, on_delivery=partial(self._settle, future)
            )
        except BufferError as error:  # the queue holds as much as three seconds without Kafka may bring
            raise _away("the queue to the log is full") from error
        except KafkaException as error:
            if error.args[0].fatal():
                self._renew()
            elif error.args[0].code() not in (*UNKNOWN, KafkaError.MSG_SIZE_TOO_LARGE):
                raise
            raise _unsent(error.args[0]) from error
        self._pending += 1
        self._keep_polling()
        return future

    def _settle(self, future: "asyncio.Future[Origin]", error: KafkaError | None, message: Message) -> None:
        """Inside `poll`, hence on the event loop. The future is done when the client went, or the circuit opened."""
        self._pending -= 1
        self._waiting.pop(future, None)
        if error is not None and error.fatal():
            self._renew()
        if future.done():
            if error is None and not future.cancelled():
                self._telemetry.count(RECORDS_LATE, topic=str(message.topic()))
            return
        if error is not None:
            future.set_exception(_unsent(error))
        else:
            future.set_result(Origin(str(message.topic()), _number(message.partition()), _number(message.offset())))

    def _renew(self) -> None:
        """A fresh producer: an idempotent one never recovers from a fatal error."""
        self._failed.append(self._producer)
        self._producer = Producer(self._config)

    def _keep_polling(self) -> None:
        if self._polling is None or self._polling.done():
            self._polling = asyncio.get_running_loop().create_task(self._poll())

    async def _poll(self) -> None:
        while self._pending > 0:
            for producer in (self._producer, *self._failed):
                producer.poll(0)
            self._failed = [producer for producer in self._failed if len(producer) > 0]
            if self._waiting and time.monotonic() - next(iter(self._waiting.values())) > CIRCUIT_S:
                self._open_circuit()
            await asyncio.sleep(POLL_S)

    async def begin(self) -> None:
        """Connects, or the first record would wait up to a second for it; opens the circuit when nobody answers."""
        if not await self.reachable(within_s=CIRCUIT_S):
            self._open_circuit()

    def _on_error(self, error: KafkaError) -> None:
        """Inside `poll`. No connection is left: a broker that restarts or was killed refuses the next one too."""
        alone = error.code() == KafkaError._ALL_BROKERS_DOWN and not self.away
        if alone and (self._doubting is None or self._doubting.done()):
            self._doubting = asyncio.get_running_loop().create_task(self._doubt())

    async def _doubt(self) -> None:
        """Asking opens a connection at once, which sending alone does up to a second later."""
        if not await self.reachable(within_s=ALONE_S) and not self.away:
            self._open_circuit()

    def _open_circuit(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for future in waiting:
            if not future.done():
                future.set_exception(_away(f"the log did not confirm within {CIRCUIT_S} s"))
        self.away = True
        self._telemetry.level(CIRCUIT_STATE, 1, to="kafka")
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        while self.away:
            await asyncio.sleep(PROBE_S)
            self._producer.poll(0)  # or the errors of a long outage would all be read when it ends
            self.away = not await self.reachable()
        self._telemetry.level(CIRCUIT_STATE, 0, to="kafka")

    async def reachable(self, within_s: float = 1.0) -> bool:
        """Whether a broker answers and every partition of events.v1 has a leader."""
        try:
            found = await asyncio.to_thread(self._producer.list_topics, EVENTS.name, within_s)
        except KafkaException:
            return False
        topic = found.topics[EVENTS.name]
        return topic.error is None and all(partition.leader >= 0 for partition in topic.partitions.values())

    async def close(self, within_s: float = 5.0) -> None:
        """Waits until nothing is pending; what is not confirmed by then was not answered with a 2xx either."""
        deadline = time.monotonic() + within_s
        while self._pending > 0 and time.monotonic() < deadline:
            self._keep_polling()
            await asyncio.sleep(POLL_S)
        for task in (self._polling, self._probing, self._doubting):
            if task is not None:
                task.cancel()


def _number(value: int | None) -> int:
    assert value is not None, "a delivered message has a partition and an offset"
    return value


def _unsent(error: KafkaError) -> Exception:
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return TooLarge(Refused("unavailable", "the log takes no batch of this size", retry_after_s=RETRY_AFTER_S))
    return _away(f"the log did not confirm: {error.name()}")


def _away(detail: str) -> Exception:
    return refusal("unavailable", detail, retry_after_s=RETRY_AFTER_S)


def security(settings: Settings) -> dict[str, str]:
    """What the settings say of how to speak to Kafka; a broker that cannot is away, never spoken to plainly."""
    found: dict[str, str] = {"security.protocol": settings.kafka_security}
    if settings.kafka_ssl_ca:
        found["ssl.ca.location"] = settings.kafka_ssl_ca
    if settings.kafka_security == "sasl_ssl":
        found |= {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_username,
            "sasl.password": settings.kafka_password,
        }
    return found


def _config(brokers: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": brokers,
        "client.id": "ingest",
        "enable.idempotence": True,  # no doubles and no reordering by the producer's own retries
        "acks": "all",
        "compression.type": "lz4",
        "linger.ms": 2,
        "partitioner": "murmur2_random",  # what every other client of ours uses: one key, one partition
        "delivery.timeout.ms": int(DELIVERY_S * 1000),
        "request.timeout.ms": 2_000,  # a broker that hangs is asked again before the delivery times out
        "queue.buffering.max.kbytes": 64 * 1024,
        "reconnect.backoff.max.ms": 500,  # a restarted broker is found within half a second
        "log.connection.close": False,
        "log_level": 2,  # critical: what matters reaches us as delivery reports
    }
