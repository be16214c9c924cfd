"""What this room tells about itself: metrics of `schemas/telemetry.py`, and a log line per request that went wrong."""

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from schemas.telemetry import CIRCUIT_STATE, DEGRADED, LOAD_LEVEL, LOOP_LAG, REQUEST_SECONDS, REQUESTS

ROOM = "api"


class Telemetry:
    """Counts requests and tells how loaded we are; every app has a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(REQUESTS.name, REQUESTS.help, REQUESTS.labels, registry=self._registry)
        self._seconds = Histogram(
            REQUEST_SECONDS.name, REQUEST_SECONDS.help, REQUEST_SECONDS.labels, registry=self._registry
        )
        self._lag = Gauge(LOOP_LAG.name, LOOP_LAG.help, LOOP_LAG.labels, registry=self._registry)
        self._level = Gauge(LOAD_LEVEL.name, LOAD_LEVEL.help, LOAD_LEVEL.labels, registry=self._registry)
        self._circuit = Gauge(CIRCUIT_STATE.name, CIRCUIT_STATE.help, CIRCUIT_STATE.labels, registry=self._registry)
        self._degraded = Counter(DEGRADED.name, DEGRADED.help, DEGRADED.labels, registry=self._registry)
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._log = structlog.get_logger(ROOM)

    def answered(self, route: str, status: int, seconds: float, request_id: str) -> None:
        """A request was answered; `route` is a template, never a path, so that labels stay few."""
        count, histogram = self._meters(route, status)
        count.inc()
        histogram.observe(seconds)
        if status >= 500 or status in (401, 403):
            self._log.warning("request failed", route=route, status=status, request_id=request_id)

    def _meters(self, route: str, status: int) -> tuple[Counter, Histogram]:
        """Looked up once: routes and statuses are few."""
        found = self._known.get((route, status))
        if found is None:
            labelled = (self._requests.labels(ROOM, route, str(status)), self._seconds.labels(ROOM, route))
            found = self._known[route, status] = labelled
        return found

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
