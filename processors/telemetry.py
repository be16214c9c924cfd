"""The processors' door to Prometheus: counts what `schemas.telemetry` lists, and nothing else."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from schemas.telemetry import METRICS, Metric


class Telemetry:
    """Every metric of the house, ready to count. One per process; safe to call from any thread."""

    def __init__(self, metrics: tuple[Metric, ...] = METRICS) -> None:
        self._registry = CollectorRegistry()
        self._kept = {metric.name: _made(metric, self._registry) for metric in metrics}

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Adds `by` to a counter; `labels` in the metric's own order."""
        kept = self._kept[metric.name]
        assert isinstance(kept, Counter), f"{metric.name} is a {metric.kind}; expected a counter"
        (kept.labels(*labels) if labels else kept).inc(by)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Sets a gauge, or adds a value to a histogram."""
        kept = self._kept[metric.name]
        assert not isinstance(kept, Counter), f"{metric.name} is a counter; expected a gauge or histogram"
        here = kept.labels(*labels) if labels else kept
        here.set(value) if isinstance(here, Gauge) else here.observe(value)

    def text(self) -> bytes:
        """What `/metrics` answers (Prometheus text format)."""
        return generate_latest(self._registry)


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    kinds: dict[str, type[Counter] | type[Gauge] | type[Histogram]] = {
        "counter": Counter,
        "gauge": Gauge,
        "histogram": Histogram,
    }
    return kinds[metric.kind](metric.name, metric.help, metric.labels, registry=registry)
