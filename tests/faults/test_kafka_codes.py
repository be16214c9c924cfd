"""F12: what a broker may answer instead of an offset is never taken for a success.

One broker cannot be brought to say these (it counts itself as enough replicas), so they are handed to the door.
"""

import asyncio
from typing import Any

import pytest
from confluent_kafka import KafkaError

from ingest.log import Log, TooLarge
from ingest.telemetry import Telemetry
from schemas.problems import Refusal
from schemas.topics import EVENTS, Origin

NOWHERE = "127.0.0.1:1"
RETRIABLE = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NOT_ENOUGH_REPLICAS,
    KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError._MSG_TIMED_OUT,
)


class Reported:
    """What a delivery report is about."""

    def topic(self) -> str:
        return EVENTS.name


async def settled(code: int) -> Origin:
    """What an append hears when its delivery report says so."""
    log, message = Log(NOWHERE, Telemetry()), Reported()
    future: asyncio.Future[Origin] = asyncio.get_running_loop().create_future()
    anything: Any = message
    log._settle(future, KafkaError(code), anything)
    await log.close(within_s=0)
    return await future


@pytest.mark.parametrize("code", RETRIABLE)
async def test_a_retriable_answer_is_no_success(code: int) -> None:
    with pytest.raises(Refusal) as refused:
        await settled(code)

    assert refused.value.refused.code == "unavailable"
    assert not isinstance(refused.value, TooLarge)


async def test_too_large_is_told_apart() -> None:
    with pytest.raises(TooLarge):
        await settled(KafkaError.MSG_SIZE_TOO_LARGE)
