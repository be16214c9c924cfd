"""Door to Prometheus: counts what `schemas/telemetry.py` lists, and nothing else."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from schemas.telemetry import METRICS, Metric

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Telemetry:
    """One registry per app, so that two apps in one process (tests) do not share counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters = {m: Counter(m.name, m.help, m.labels, registry=self._registry) for m in _of("counter")}
        self._gauges = {m: Gauge(m.name, m.help, m.labels, registry=self._registry) for m in _of("gauge")}
        self._histograms = {
            m: Histogram(m.name, m.help, m.labels, registry=self._registry, buckets=BUCKETS) for m in _of("histogram")
        }

    def count(self, metric: Metric, by: int = 1, **labels: str) -> None:
        """Adds to a counter."""
        self._counters[metric].labels(**labels).inc(by)

    def level(self, metric: Metric, value: float, **labels: str) -> None:
        """Sets a gauge."""
        self._gauges[metric].labels(**labels).set(value)

    def seconds(self, metric: Metric, value: float, **labels: str) -> None:
        """One observation of a histogram."""
        self._histograms[metric].labels(**labels).observe(value)

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)


def _of(kind: str) -> list[Metric]:
    return [metric for metric in METRICS if metric.kind == kind]
