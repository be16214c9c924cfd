"""One analytics batch, from the official SDK to SQL."""

from secrets import token_hex

import httpx
import pytest
from segment.analytics import request
from segment.analytics.client import Client as SegmentClient

from bench.traffic import WRITE_KEY
from local.people import Phone
from local.stack import Stack
from schemas import events
from schemas.topics import EVENTS
from sql import warehouse
from tests import log
from tests.journey.conftest import Register
from tests.waiting import eventually

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_what_the_sdk_sends_is_in_the_log_and_in_bigquery_once_each(stack: Stack, *, gzip: bool) -> None:
    person, sent, failed = f"sdk_{token_hex(6)}", 250, list[object]()
    sdk = SegmentClient(
        WRITE_KEY, host=stack.settings.public_url, gzip=gzip, on_error=lambda error, _: failed.append(error)
    )
    for n in range(sent):
        sdk.track(person, f"Event {n % 5}", {"n": n})
    sdk.flush()
    sdk.join()
    request._session.close()  # the SDK keeps its connection for the life of a process

    assert failed == []
    logged = [
        event.message_id or ""
        for record in (events.decode(found.value) for found in log.records(stack.settings, EVENTS))
        if record.key == person
        for _, event in events.indexed(record)
    ]
    assert len(set(logged)) == len(logged) == sent
    assert sorted(in_bigquery(stack, person, sent)) == sorted(logged)


def in_bigquery(stack: Stack, person: str, expected: int) -> list[str]:
    door = warehouse.opened(stack.settings)
    question = (
        "SELECT event_id FROM raw.events_v1 WHERE user_id = @person "
        "AND received_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)"
    )

    def ask() -> list[str] | None:
        found = door.df(question, person=person)
        return list(found["event_id"]) if len(found) >= expected else None

    return eventually(ask, every_s=0.5) or []


def test_live_metrics_count_what_was_accepted(stack: Stack, register: Register) -> None:
    ana = register("ana")
    before = tracked(ana)
    batch = [{"type": "track", "event": "Tapped", "userId": ana.user, "messageId": f"{ana.user}-{n}"} for n in range(7)]

    answer = httpx.post(f"{stack.settings.public_url}/v1/batch", json={"batch": batch}, auth=(WRITE_KEY, ""))

    assert answer.status_code == 200, answer.text
    eventually(lambda: tracked(ana) - before >= 7)


def tracked(ana: Phone) -> int:
    """Track events of the last minutes, as the api counts them."""
    return sum(minute["counts"].get("events:track", 0) for minute in ana.get("/v1/stats/live")["minutes"])
