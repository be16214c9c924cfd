"""Where an event is, asked of the real log and the real warehouse."""

import asyncio
from secrets import token_hex
from typing import Any

import httpx
import msgspec
import pytest

from api.app import make_app, make_room
from bench.traffic import WRITE_KEY
from local.people import Phone
from local.stack import Stack
from schemas import events, facts
from schemas.topics import EVENTS, FACTS
from tests import log
from tests.journey.conftest import Register
from tests.waiting import eventually

pytestmark = pytest.mark.stack


def asked(stack: Stack, operator: Phone, id: str) -> Any:
    """What an api that knows the operator answers."""
    settings = msgspec.structs.replace(stack.settings, operators=operator.user, redis_timeout_ms=5_000)

    async def ask() -> Any:
        app = make_app(make_room(settings))
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost", timeout=60)
        async with app.router.lifespan_context(app), client:
            signed = {"authorization": f"Bearer {operator.token}"}
            return (await client.get(f"/v1/trace/{id}", headers=signed)).json()

    return asyncio.run(ask())


def done(stack: Stack, operator: Phone, id: str, rows: int = 0) -> Any:
    """The one record, once every processor has done its part; its rows are asked for before that is."""

    def ask() -> Any:
        records = asked(stack, operator, id).get("records", [])
        is_done = records and set(records[0]["verdicts"].values()) == {"done"}
        return records[0] if is_done and len(records[0]["rows"]) >= rows else None

    return eventually(ask, within_s=90, every_s=1)


def test_an_operator_finds_an_event_a_batch_and_a_fact(stack: Stack, register: Register) -> None:
    ana = register("ana")
    message = f"trace-{token_hex(8)}"
    batch = [{"type": "track", "event": "Tapped", "userId": ana.user, "messageId": f"{message}-{n}"} for n in (0, 1)]
    answer = httpx.post(f"{stack.settings.public_url}/v1/batch", json={"batch": batch}, auth=(WRITE_KEY, ""))
    assert answer.status_code == 200, answer.text
    record = next(each for each in log.records(stack.settings, EVENTS) if message.encode() in (each.value or b""))
    fact = next(each for each in log.records(stack.settings, FACTS) if ana.user.encode() in (each.value or b""))

    found = done(stack, ana, f"{message}-1", rows=1)

    assert found["position"] == str(record.origin)
    assert [(row["id"], row["index"]) for row in found["rows"]] == [(f"{message}-1", 1)]
    assert done(stack, ana, events.decode(record.value).batch_id)["position"] == str(record.origin)
    assert len(done(stack, ana, str(record.origin), rows=2)["rows"]) == 2
    assert done(stack, ana, str(facts.decode(fact.value).id))["position"] == str(fact.origin)
    assert asked(stack, ana, f"{message}-2")["code"] == "not_found"
