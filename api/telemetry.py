"""What this room tells about itself: metrics of `schemas/telemetry.py`, and a log line per request that went wrong."""

import asyncio

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from schemas.telemetry import LOOP_LAG, REQUEST_SECONDS, REQUESTS

ROOM = "api"
BEAT_S = 0.5


class Telemetry:
    """Counts requests and watches the event loop; every app has a registry of its own."""

    def __init__(self, beat_s: float = BEAT_S) -> None:
        self._beat_s = beat_s
        self._registry = CollectorRegistry()
        self._requests = Counter(REQUESTS.name, REQUESTS.help, REQUESTS.labels, registry=self._registry)
        self._seconds = Histogram(
            REQUEST_SECONDS.name, REQUEST_SECONDS.help, REQUEST_SECONDS.labels, registry=self._registry
        )
        self._lag = Gauge(LOOP_LAG.name, LOOP_LAG.help, LOOP_LAG.labels, registry=self._registry)
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

    async def watch_loop(self) -> None:
        """Measures how late the loop wakes us, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._beat_s
            await asyncio.sleep(self._beat_s)
            self._lag.labels(ROOM).set(max(0.0, loop.time() - due))
