import asyncio
import logging
from typing import Any

import pytest

from processors.health import Health
from processors.logs import Seldom
from processors.telemetry import Telemetry
from schemas.telemetry import METRICS, RECORDS_APPLIED


def test_every_metric_of_the_language_can_be_counted() -> None:
    telemetry = Telemetry()

    for metric in METRICS:
        labels = ["x"] * len(metric.labels)
        if metric.kind == "counter":
            telemetry.count(metric, *labels)
        else:
            telemetry.observe(metric, 1.5, *labels)

    text = telemetry.text().decode()
    assert all(metric.name in text for metric in METRICS)


async def asked(health: Health, path: str) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        await asyncio.sleep(0)

    await health({"type": "http", "path": path}, None, send)
    return sent[0]["status"], sent[1]["body"]


async def test_health_says_what_is_wrong() -> None:
    telemetry = Telemetry()
    telemetry.count(RECORDS_APPLIED, "views", "facts.v1", by=3)
    health = Health(telemetry, alive=lambda: None, ready=lambda: "views has no partitions yet")

    assert await asked(health, "/live") == (200, b"ok\n")
    assert await asked(health, "/ready") == (503, b"views has no partitions yet\n")
    assert b'records_applied_total{processor="views",topic="facts.v1"} 3.0' in (await asked(health, "/metrics"))[1]
    assert (await asked(health, "/else"))[0] == 404


@pytest.mark.parametrize(("logger", "passes"), [("aiokafka.conn", 5), ("processors.consume", 50)])
def test_only_the_flood_of_an_outage_is_held_back(logger: str, passes: int) -> None:
    seldom = Seldom(lines_a_second=5)
    line = logging.LogRecord(logger, logging.ERROR, "", 0, "down", (), None)

    assert passes <= sum(seldom.filter(line) for _ in range(50)) <= passes + 5  # a second may turn meanwhile
