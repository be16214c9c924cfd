import asyncio
from datetime import UTC, datetime
from hashlib import sha256

from local.stack import Stack
from schemas import ids, projections
from schemas.facts import RollInviteCreated, RollJoined, RollOpened
from tests.ingest.recorded import fact_of
from tests.ingest.world import World


async def test_a_roll_is_opened_in_its_owner_s_bucket_and_time_zone(world: World, parts: Stack) -> None:
    ana = await world.person(tz="Asia/Tokyo")

    answer = await world.post("/v1/rolls", ana, name="Lisbon", develop="10s")

    fact, told = fact_of(parts.settings, answer), answer.json()["roll"]
    assert answer.status_code == 201
    assert isinstance(fact, RollOpened)
    assert told == {
        "id": fact.roll, "name": "Lisbon", "film": "darkroom-400", "develop": "10s", "tz": "Asia/Tokyo",
        "visibility": "private",
    }  # fmt: skip
    assert ids.bucket(fact.roll) == ids.bucket(ana.user)


async def test_rolls_have_ids_of_their_own(world: World) -> None:
    ana = await world.person()

    answers = await asyncio.gather(*(world.post("/v1/rolls", ana, name="Lisbon") for _ in range(150)))

    assert len({answer.json()["roll"]["id"] for answer in answers}) == 150


async def test_a_retry_with_its_key_is_answered_with_the_same_roll_and_appends_nothing(world: World) -> None:
    ana = await world.person()
    again = {"idempotency-key": "the-same", **ana.headers}

    answers = [await world.http.post("/v1/rolls", json={"name": "Once"}, headers=again) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert ["x-position" in answer.headers for answer in answers] == [True, False, False]


async def test_a_retry_whose_lease_was_lost_is_answered_by_the_views(world: World, parts: Stack) -> None:
    ana = await world.person()
    again = {"idempotency-key": "the-same", **ana.headers}
    fact = fact_of(parts.settings, await world.http.post("/v1/rolls", json={"name": "Lisbon"}, headers=again))
    await world.redis.delete(projections.command_lease(fact.id))
    roll = await world.roll(ana)
    await world.redis.set(projections.entity(fact.id), roll)

    answer = await world.http.post("/v1/rolls", json={"name": "Lisbon"}, headers=again)

    assert (answer.status_code, answer.json()["roll"]["id"]) == (201, roll)
    assert "x-position" not in answer.headers


async def test_a_retry_after_a_crash_before_the_append_s_end_appends_the_very_same_fact(
    world: World, parts: Stack
) -> None:
    ana = await world.person()
    again = {"idempotency-key": "the-same", **ana.headers}
    first = fact_of(parts.settings, await world.http.post("/v1/rolls", json={"name": "Once"}, headers=again))
    key = projections.command_lease(first.id)
    unfinished = (await world.redis.get(key)).replace('"done":true', '"done":false')
    await world.redis.set(key, unfinished)

    in_flight = await world.http.post("/v1/rolls", json={"name": "Once"}, headers=again)
    await world.redis.set(key, unfinished.replace('"until":"2', '"until":"1'))
    taken_over = await world.http.post("/v1/rolls", json={"name": "Once"}, headers=again)

    assert (in_flight.status_code, in_flight.json()["code"]) == (409, "idempotency_in_progress")
    assert fact_of(parts.settings, taken_over) == first


async def test_a_key_belongs_to_one_body_and_one_person(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    key = {"idempotency-key": "k"}

    first = await world.http.post("/v1/rolls", json={"name": "One"}, headers={**key, **ana.headers})
    other = await world.http.post("/v1/rolls", json={"name": "Two"}, headers={**key, **ana.headers})
    bens = await world.http.post("/v1/rolls", json={"name": "Two"}, headers={**key, **ben.headers})

    assert (first.status_code, bens.status_code) == (201, 201)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_of_parallel_requests_with_one_key_one_takes_effect(world: World) -> None:
    ana = await world.person()
    again = {"idempotency-key": "the-same", **ana.headers}

    answers = await asyncio.gather(
        *(world.http.post("/v1/rolls", json={"name": "Once"}, headers=again) for _ in range(10))
    )

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["roll"]["id"] for answer in answers if answer.status_code == 201}) == 1


async def test_a_refused_command_frees_its_key(world: World) -> None:
    ana = await world.person()
    again = {"idempotency-key": "the-same", **ana.headers}

    codes = [
        (await world.http.post("/v1/rolls", json={"name": "A", "develop": develop}, headers=again)).status_code
        for develop in ("soon", "10s")
    ]

    assert codes == [422, 201]


async def test_a_key_that_is_too_long_is_refused(world: World) -> None:
    ana = await world.person()

    answer = await world.http.post(
        "/v1/rolls", json={"name": "A"}, headers={"idempotency-key": "k" * 256, **ana.headers}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


async def test_an_invite_s_token_is_told_once_and_kept_as_a_hash(world: World, parts: Stack) -> None:
    ana = await world.person()
    roll = await world.roll(ana)

    answer = await world.post(f"/v1/rolls/{roll}/invites", ana)

    fact = fact_of(parts.settings, answer)
    assert isinstance(fact, RollInviteCreated)
    assert fact.token_sha256 == sha256(answer.json()["token"].encode()).hexdigest()
    assert len(answer.json()["token"]) * 6 >= 128


async def test_whoever_has_the_invite_joins(world: World, parts: Stack) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    roll = await world.roll(ana)
    await world.invite(roll, "secret")

    joined = await world.post("/v1/invites/secret", ben)
    unknown = await world.post("/v1/invites/guess", ben)

    fact = fact_of(parts.settings, joined)
    assert isinstance(fact, RollJoined)
    assert (fact.by, fact.roll, joined.json()["roll"]["id"]) == (ben.user, roll, roll)
    assert unknown.status_code == 404


async def test_a_private_roll_is_hidden_from_strangers(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    private, missing = await world.roll(ana), ids.compose(datetime(2021, 1, 1, tzinfo=UTC), 1, 1)

    answers = [await world.post(f"/v1/rolls/{roll}/invites", ben) for roll in (private, missing)]

    bodies = [{**answer.json(), "request_id": "", "instance": ""} for answer in answers]
    assert bodies[0] == bodies[1]
    assert answers[0].status_code == 404


async def test_an_answer_waits_until_views_have_passed_its_fact(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    loop = asyncio.get_running_loop()

    async def follow(**headers: str) -> float:
        began = loop.time()
        answer = await world.http.post(f"/v1/users/{ana.user}/follow", headers={**ben.headers, **headers})
        assert answer.status_code == 200
        return loop.time() - began

    patient = asyncio.create_task(follow(prefer=""))
    await asyncio.sleep(0.3)
    await world.redis.hset(
        projections.progress("views"), mapping={f"facts.v1:{partition}": 1 << 40 for partition in range(8)}
    )

    assert 0.3 <= await patient < 0.9
    await world.redis.delete(projections.progress("views"))
    assert await follow(prefer="") >= 1.0
    assert await follow() < 0.3


async def test_a_command_waits_for_what_its_client_has_seen_accepted(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    early = asyncio.create_task(
        world.http.post(f"/v1/users/{ana.user}/follow", headers={**ben.headers, "x-read-after": "credentials.v1:0:7"})
    )

    await asyncio.sleep(0.2)
    assert not early.done()
    await world.redis.hset(projections.progress("views"), "credentials.v1:0", 8)

    assert (await asyncio.wait_for(early, 0.5)).status_code == 200
    odd = await world.http.post(f"/v1/users/{ana.user}/follow", headers={**ben.headers, "x-read-after": "yesterday"})
    assert odd.status_code == 422
