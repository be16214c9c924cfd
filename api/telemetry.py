"""What this room tells about itself: metrics of `schemas/telemetry.py`, and a log line per request that went wrong.

Requests are added up here in plain numbers and told when somebody asks: a counter and a histogram of the library's own
take a lock four times per request.
"""

from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Iterator
from itertools import accumulate

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.telemetry import CIRCUIT_STATE, DEGRADED, LOAD_LEVEL, LOOP_LAG, REQUEST_SECONDS, REQUESTS

ROOM = "api"
BOUNDS_S = Histogram.DEFAULT_BUCKETS


class Answers(Collector):
    """How many answers there were by route and status, and how long they took by route."""

    def __init__(self) -> None:
        self._counts = Counts[tuple[str, int]]()
        self._took: dict[str, list[int]] = {}  # by bound, not yet added up
        self._seconds: dict[str, float] = {}

    def add(self, route: str, status: int, seconds: float) -> None:
        """One more."""
        self._counts[route, status] += 1
        took = self._took.get(route)
        if took is None:
            took = self._took[route] = [0] * len(BOUNDS_S)
            self._seconds[route] = 0.0
        took[bisect_left(BOUNDS_S, seconds)] += 1
        self._seconds[route] += seconds

    def collect(self) -> Iterator[Metric]:
        """As the library wants it told."""
        requests = CounterMetricFamily(REQUESTS.name, REQUESTS.help, labels=REQUESTS.labels)
        for (route, status), count in self._counts.items():
            requests.add_metric((ROOM, route, str(status)), count)
        took = HistogramMetricFamily(REQUEST_SECONDS.name, REQUEST_SECONDS.help, labels=REQUEST_SECONDS.labels)
        for route, counts in self._took.items():
            bounds = ["+Inf" if bound == float("inf") else str(bound) for bound in BOUNDS_S]
            took.add_metric((ROOM, route), list(zip(bounds, accumulate(counts), strict=True)), self._seconds[route])
        yield requests
        yield took


class Telemetry:
    """Counts requests and tells how loaded we are; every app has a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._answers = Answers()
        self._registry.register(self._answers)
        self._lag = Gauge(LOOP_LAG.name, LOOP_LAG.help, LOOP_LAG.labels, registry=self._registry)
        self._level = Gauge(LOAD_LEVEL.name, LOAD_LEVEL.help, LOAD_LEVEL.labels, registry=self._registry)
        self._circuit = Gauge(CIRCUIT_STATE.name, CIRCUIT_STATE.help, CIRCUIT_STATE.labels, registry=self._registry)
        self._degraded = Counter(DEGRADED.name, DEGRADED.help, DEGRADED.labels, registry=self._registry)
        self._log = structlog.get_logger(ROOM)

    def answered(self, route: str, status: int, seconds: float, request_id: str) -> None:
        """A request was answered; `route` is a template, never a path, so that labels stay few."""
        self._answers.add(route, status, seconds)
        if status >= 500 or status in (401, 403):
            self._log.warning("request failed", route=route, status=status, request_id=request_id)

    def page(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def degraded(self, what: str) -> None:
        """An answer was given without `what`."""
        self._degraded.labels(ROOM, what).inc()

    def loaded(self, lag_s: float, level: int, is_cut_off: bool) -> None:
        """How late the loop is, how much is left out of answers, and whether Redis is left alone."""
        self._lag.labels(ROOM).set(lag_s)
        self._level.labels(ROOM).set(level)
        self._circuit.labels("redis").set(is_cut_off)
