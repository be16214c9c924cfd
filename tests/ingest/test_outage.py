"""Something we depend on is away: never a 2xx that does not hold, never a 500."""

import time

import msgspec
import pytest

from ingest.log import CIRCUIT_S
from ingest.rules.tickets import DRAWN_BYTES, upload_id
from schemas.settings import Settings
from tests.builders import a_track
from tests.ingest.test_batch import a_batch, posted
from tests.ingest.test_photos import IMAGE
from tests.ingest.world import World

NOWHERE = "127.0.0.1:1"


async def test_without_kafka_and_spool_a_batch_is_503_in_time_and_the_room_not_ready(settings: Settings) -> None:
    no_spool = msgspec.structs.replace(settings, kafka_brokers=NOWHERE, spool_max_bytes=0)
    async with World.running(no_spool) as world:
        began = time.monotonic()
        answer = await posted(world, a_batch(*(a_track(userId=f"u{n}") for n in range(20))))

        assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "unavailable", True)
        assert int(answer.headers["retry-after"]) >= 1
        assert time.monotonic() - began < 3 * CIRCUIT_S  # still less than a delivery may take
        assert (await world.http.get("/ready")).status_code == 503
        assert (await world.http.get("/live")).status_code == 200
        assert "events_stored_total{" not in (await world.http.get("/metrics")).text


async def test_without_kafka_a_command_is_503_and_its_key_may_be_used_again(world: World, settings: Settings) -> None:
    ana = await world.person()
    headers = {"idempotency-key": "k", **ana.headers}
    async with World.running(msgspec.structs.replace(settings, kafka_brokers=NOWHERE)) as cut_off:
        refused = await cut_off.http.post("/v1/rolls", json={"name": "A"}, headers=headers)

    later = await world.http.post("/v1/rolls", json={"name": "A"}, headers=headers)

    assert (refused.status_code, later.status_code) == (503, 201)


async def test_without_redis_commands_are_503_and_batches_are_taken(settings: Settings) -> None:
    async with World.running(msgspec.structs.replace(settings, redis_url=f"redis://{NOWHERE}/0")) as world:
        command = await world.post("/v1/sessions", username="ana", password="correct horse")
        batch, ready = await posted(world, a_batch()), await world.http.get("/ready")

        assert (command.status_code, command.json()["code"]) == (503, "unavailable")
        assert int(command.headers["retry-after"]) >= 1
        assert (batch.status_code, ready.status_code) == (200, 200)


@pytest.mark.parametrize("image", [True, False], ids=["picture in the body", "told upload"])
async def test_without_the_photo_store_a_photo_is_503(world: World, settings: Settings, *, image: bool) -> None:
    ana = await world.person()
    async with World.running(msgspec.structs.replace(settings, s3_endpoint=f"http://{NOWHERE}")) as cut_off:
        if image:
            headers = {"content-type": "image/jpeg", "idempotency-key": "k", **ana.headers}
            answer = await cut_off.http.post("/v1/photos", content=IMAGE, headers=headers)
        else:
            answer = await cut_off.post("/v1/photos", ana, upload_id=upload_id(ana.user, bytes(DRAWN_BYTES)))

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
