"""Door to Prometheus: counts what `schemas/telemetry.py` lists, and nothing else.

Several workers share a folder, named by `SHARED_FOLDER` before this module is imported: each writes its numbers into
files there, and any of them can tell the sums. What a dead worker counted stays counted; its gauges go.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from schemas.telemetry import METRICS, Metric

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own name for it


class Telemetry:
    """One registry per app, so that two apps in one process (tests) do not share counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        made = (_made(metric, self._registry) for metric in METRICS)
        self._metrics: dict[str, Any] = {metric.name: found for metric, found in zip(METRICS, made, strict=True)}
        self._children: dict[tuple[str, tuple[tuple[str, str], ...]], Any] = {}  # `labels()` costs 3 us each time

    def count(self, metric: Metric, by: int = 1, **labels: str) -> None:
        """Adds to a counter."""
        self._child(metric, labels).inc(by)

    def level(self, metric: Metric, value: float, **labels: str) -> None:
        """Sets a gauge."""
        self._child(metric, labels).set(value)

    def seconds(self, metric: Metric, value: float, **labels: str) -> None:
        """One observation of a histogram."""
        self._child(metric, labels).observe(value)

    def _child(self, metric: Metric, labels: dict[str, str]) -> Any:
        """The series of these labels, which are few and bounded."""
        key = (metric.name, tuple(labels.items()))
        if (child := self._children.get(key)) is None:
            child = self._children[key] = self._metrics[metric.name].labels(**labels)
        return child

    def exposition(self) -> bytes:
        """Everything, of all workers, in Prometheus' text format."""
        folder = os.environ.get(SHARED_FOLDER)
        return _of_all(Path(folder)) if folder else generate_latest(self._registry)


def _of_all(folder: Path) -> bytes:
    for process in filter(_is_gone, set(_told_by(folder))):
        mark_process_dead(process, str(folder))  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _told_by(folder: Path) -> Iterator[int]:
    """The processes whose gauges lie in the folder: `gauge_livemax_4711.db`."""
    yield from (int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*.db"))


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    match metric.kind:
        case "counter":
            return Counter(metric.name, metric.help, metric.labels, registry=registry)
        case "gauge":
            together: Any = f"live{metric.together}"
            return Gauge(metric.name, metric.help, metric.labels, registry=registry, multiprocess_mode=together)
        case "histogram":
            return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=BUCKETS)


def _is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False
