"""Metrics: every name, once. A room may count only what stands here; mypy rejects the rest."""

from typing import Literal

import msgspec

Kind = Literal["counter", "gauge", "histogram"]


class Metric(msgspec.Struct, frozen=True):
    """A Prometheus metric; labels are few and bounded, never an id. `together`: what several workers' gauges become."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    together: Literal["max", "sum"] = "max"


EVENTS_RECEIVED = Metric("events_received_total", "counter", "Analytics events read from readable batches.", ("app",))
EVENTS_STORED = Metric("events_stored_total", "counter", "Events whose record Kafka acknowledged.", ("app",))
EVENTS_SPOOLED = Metric("events_spooled_total", "counter", "Events accepted into the spool instead.", ("app",))
EVENTS_DRAINED = Metric("events_drained_total", "counter", "Spooled events that Kafka acknowledged later.", ("app",))
EVENTS_PUT_ASIDE = Metric(
    "events_put_aside_total", "counter", "Spooled events that Kafka refuses for good, kept as .refused files.", ("app",)
)
RECORDS_LATE = Metric("records_late_total", "counter", "Acknowledged after the circuit gave them up.", ("topic",))
SPOOL_BYTES = Metric("spool_bytes", "gauge", "What waits on disk for Kafka.", ("room",), together="sum")
SPOOL_AGE = Metric("spool_age_seconds", "gauge", "How long the oldest spooled record has waited.", ("room",))
SPOOL_BROKEN = Metric("spool_broken", "gauge", "1 while the spool would take nothing, else 0.", ("room",))
CIRCUIT_STATE = Metric("circuit_state", "gauge", "1 while the circuit is open, else 0.", ("to",))
EVENTS_REJECTED = Metric("events_rejected_total", "counter", "Events answered with a reason instead.", ("app", "code"))
FACTS_APPENDED = Metric("facts_appended_total", "counter", "Facts Kafka acknowledged.", ("type",))
ACK_SECONDS = Metric("ack_seconds", "histogram", "From produce to Kafka's acknowledgement.", ("topic",))
REQUESTS = Metric("requests_total", "counter", "Requests answered.", ("room", "route", "status"))
REQUEST_SECONDS = Metric("request_seconds", "histogram", "From request to last byte.", ("room", "route"))
SHED = Metric("shed_total", "counter", "Requests refused at once because too much came in.", ("room", "class"))
INFLIGHT = Metric("inflight", "gauge", "Requests begun and not answered.", ("room",), together="sum")
TURN_LIMIT = Metric("inflight_limit", "gauge", "Requests that one turn of the event loop may begin.", ("room",))
HELD_BYTES = Metric("held_bytes", "gauge", "Bodies in memory.", ("room",), together="sum")
RATE_LIMITED = Metric("rate_limited_total", "counter", "Batches beyond their write key's limit.", ("app",))
KEYS_BROKEN = Metric("keys_file_broken", "gauge", "1 while the keys file is unreadable and older keys hold.", ("room",))
DESCRIPTORS = Metric("descriptors_used", "gauge", "Share (0..1) of the file descriptors it may open.", ("room",))
LOAD_LEVEL = Metric("load_level", "gauge", "What answers leave out: 0 nothing, 1 ranks, 2 counts, 3 length.", ("room",))
DEGRADED = Metric("degraded_total", "counter", "Answers that left something out under load.", ("room", "what"))
LOOP_LAG = Metric("loop_lag_seconds", "gauge", "How late the event loop's beat is.", ("room",))

RECORDS_APPLIED = Metric(
    "records_applied_total", "counter", "Records whose effects are durable.", ("processor", "topic")
)
RECORDS_DEAD = Metric(
    "records_dead_total", "counter", "Records sent to the dead letters.", ("processor", "topic", "stage")
)
RETRIES = Metric("retries_total", "counter", "Turns of a retry loop.", ("processor", "stage"))
HANDLER_SECONDS = Metric("handler_seconds", "histogram", "One batch from taken to acknowledged.", ("processor",))
BATCHES_ABANDONED = Metric(
    "batches_abandoned_total", "counter", "Batches given back unacknowledged.", ("processor", "why")
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
