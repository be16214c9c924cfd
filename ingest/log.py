"""Door to Kafka. `append` returns where the record stands once every in-sync replica has it (acks=all).

Delivery reports come from `poll`, which runs on the event loop while something is pending: a polling thread costs
13-36 us per request, a millisecond's sleep less than one.
"""

import asyncio
import time
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ingest.telemetry import Telemetry
from schemas import events, facts, secrets
from schemas.events import EventsRecord
from schemas.facts import Fact
from schemas.problems import refusal
from schemas.secrets import Password, Session
from schemas.telemetry import ACK_SECONDS, FACTS_APPENDED
from schemas.topics import EVENTS, FACTS, SECRETS, Origin, Topic

DELIVERY_S = 3.0  # then the client hears 503; below every client's own timeout (the SDKs wait 10-15 s)
POLL_S = 0.001
RETRY_AFTER_S = 2


class Log:
    """Appends records; every method raises `Refusal(unavailable)` when Kafka did not confirm within `DELIVERY_S`.

    A refused record may stand in the log nevertheless (the confirmation was lost): ids make its retry harmless.
    """

    def __init__(self, brokers: str, telemetry: Telemetry) -> None:
        self._config = _config(brokers)
        self._producer = Producer(self._config)
        self._failed: list[Producer] = []  # with messages that still have to be reported lost
        self._telemetry = telemetry
        self._pending = 0
        self._polling: asyncio.Task[None] | None = None

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

    async def events(self, record: EventsRecord, trace: str) -> Origin:
        """One person's part of a batch."""
        return await self.append(EVENTS, record.key, events.encode(record), trace)

    async def append(self, topic: Topic, key: str, value: bytes | None, trace: str) -> Origin:
        """One record of any topic."""
        began = time.monotonic()
        future: asyncio.Future[Origin] = asyncio.get_running_loop().create_future()
        headers: list[tuple[str, str | bytes | None]] = [("schema", topic.name), ("trace", trace)]
        try:
            self._producer.produce(
                topic.name, value, key.encode(), headers=headers, on_delivery=partial(self._settle, future)
            )
        except BufferError as error:  # the queue holds as much as three seconds without Kafka may bring
            raise _away("the queue to the log is full") from error
        except KafkaException as error:
            if not error.args[0].fatal():
                raise
            self._renew()
            raise _away("the producer failed and was replaced") from error
        self._pending += 1
        self._keep_polling()
        origin = await future
        self._telemetry.seconds(ACK_SECONDS, time.monotonic() - began, topic=topic.name)
        return origin

    def _settle(self, future: "asyncio.Future[Origin]", error: KafkaError | None, message: Message) -> None:
        """Runs inside `poll`, hence on the event loop. The future is done already when the client went away."""
        self._pending -= 1
        if error is not None and error.fatal():
            self._renew()
        if future.done():
            return
        if error is not None:
            future.set_exception(_away(f"the log did not confirm: {error.name()}"))
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
            await asyncio.sleep(POLL_S)

    async def reachable(self, within_s: float = 1.0) -> bool:
        """Whether a broker answers and knows our topics."""
        try:
            found = await asyncio.to_thread(self._producer.list_topics, EVENTS.name, within_s)
        except KafkaException:
            return False
        return found.topics[EVENTS.name].error is None

    async def close(self, within_s: float = 5.0) -> None:
        """Waits until nothing is pending; what is not confirmed by then was not answered with a 2xx either."""
        deadline = time.monotonic() + within_s
        while self._pending > 0 and time.monotonic() < deadline:
            self._keep_polling()
            await asyncio.sleep(POLL_S)
        if self._polling is not None:
            self._polling.cancel()


def _number(value: int | None) -> int:
    assert value is not None, "a delivered message has a partition and an offset"
    return value


def _away(detail: str) -> Exception:
    return refusal("unavailable", detail, retry_after_s=RETRY_AFTER_S)


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
