import asyncio
import statistics
import time
from hashlib import sha256
from typing import Any

import httpx
import pytest

from ingest.passwords import Passwords
from local.stack import Stack
from schemas import projections, secrets
from schemas.facts import UserRegistered
from schemas.problems import Refusal
from schemas.secrets import Ended, Password, Session
from schemas.topics import SECRETS
from tests import log
from tests.ingest.recorded import fact_of, position, record_at
from tests.ingest.world import World

GOOD: dict[str, Any] = {"password": "correct horse", "tz": "Europe/Lisbon"}


async def registered(world: World, name: str = "ana") -> httpx.Response:
    answer = await world.post("/v1/accounts", username=name, **GOOD)
    assert answer.status_code == 201, answer.text
    return answer


async def as_views_say(world: World, parts: Stack, answer: httpx.Response, name: str = "ana") -> str:
    """What `views` does with a registration: name, and the hash that stands in the log."""
    user = str(answer.json()["user"]["id"])
    await world.redis.set(projections.username(name), user)
    await world.redis.set(projections.password(user), hashes(parts)[user])  # type: ignore[arg-type]
    return user


def hashes(parts: Stack) -> dict[str, str]:
    found = [secrets.decode(record.key, record.value) for record in log.records(parts.settings, SECRETS)]
    return {secret.user: secret.hash for secret in found if isinstance(secret, Password)}


async def test_a_registration_is_a_password_then_a_fact_then_a_session(world: World, parts: Stack) -> None:
    answer = await registered(world)

    fact, told = fact_of(parts.settings, answer), answer.json()
    assert isinstance(fact, UserRegistered)
    assert (fact.by, fact.personal.username, fact.tz) == (told["user"]["id"], "ana", "Europe/Lisbon")
    found = {record.key: record for record in log.records(parts.settings, SECRETS) if record.value}
    session = found[f"session:{sha256(told['access_token'].encode()).hexdigest()}".encode()]
    decoded = secrets.decode(session.key, session.value)
    assert isinstance(decoded, Session)
    assert decoded.user == fact.by
    assert f"password:{fact.by}".encode() in found


async def test_neither_password_nor_token_stands_anywhere_in_the_log(world: World, parts: Stack) -> None:
    token = (await registered(world)).json()["access_token"].encode()

    for record in log.records(parts.settings, SECRETS):
        assert token not in (record.value or b"")
        assert b"correct horse" not in (record.value or b"")


async def test_of_fifty_who_want_one_name_one_gets_it(world: World) -> None:
    answers = await asyncio.gather(
        *(world.post("/v1/accounts", username="Ana" if n % 2 else "ana", **GOOD) for n in range(50))
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 49
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"conflict"}


async def test_a_name_that_views_know_is_taken_even_without_a_lease(world: World) -> None:
    await world.person("ana")

    answer = await world.post("/v1/accounts", username="ANA", **GOOD)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_a_registration_retried_with_its_key_is_the_same_user(world: World, parts: Stack) -> None:
    async def again(password: str = "correct horse") -> httpx.Response:
        body = {**GOOD, "username": "ana", "password": password}
        return await world.http.post("/v1/accounts", json=body, headers={"idempotency-key": "k1"})

    first = await again()
    assert (await world.post("/v1/accounts", username="ana", **GOOD)).status_code == 409, "and it must not take over"
    before_views = await again()
    facts = [fact_of(parts.settings, answer) for answer in (first, before_views)]
    assert facts[0].id == facts[1].id
    user = await as_views_say(world, parts, first)
    await world.redis.set(projections.entity(facts[0].id), user)

    after_views, stranger = await again(), await again("another password")

    assert {a.json()["user"]["id"] for a in (first, before_views, after_views)} == {user}
    assert stranger.status_code == 409


async def test_a_bad_registration_takes_no_name(world: World) -> None:
    bad = await world.post("/v1/accounts", username="ana", password="short", tz="UTC")

    assert (bad.status_code, bad.json()["code"]) == (422, "weak_password")
    assert bad.json()["errors"] == [{"pointer": "/password", "code": "weak_password"}]
    await registered(world)


async def test_who_knows_the_password_gets_a_token(world: World, parts: Stack) -> None:
    user = await as_views_say(world, parts, await registered(world))

    answer = await world.post("/v1/sessions", username="ANA", password="correct horse")

    assert (answer.status_code, answer.json()["user"]["id"]) == (201, user)
    assert len(answer.json()["access_token"]) == 43
    assert answer.headers["x-position"].startswith("credentials.v1:")


async def test_an_unknown_user_and_a_wrong_password_look_alike(world: World, parts: Stack) -> None:
    await as_views_say(world, parts, await registered(world))

    unknown = await world.post("/v1/sessions", username="nobody", password="correct horse")
    wrong = await world.post("/v1/sessions", username="ana", password="wrong horse")

    bodies = [{**answer.json(), "request_id": ""} for answer in (unknown, wrong)]
    assert bodies[0] == bodies[1]
    assert (unknown.status_code, bodies[0]["code"]) == (401, "invalid_credentials")


async def test_nobody_s_password_costs_as_much_time_as_somebody_s() -> None:
    passwords = Passwords()
    hash = await passwords.hash("correct horse")

    async def seconds(of: str | None) -> float:
        began = time.process_time()
        assert not await passwords.matches("wrong horse", of)
        return time.process_time() - began

    somebody, nobody = [await seconds(hash) for _ in range(5)], [await seconds(None) for _ in range(5)]
    assert statistics.median(nobody) == pytest.approx(statistics.median(somebody), rel=0.5)
    passwords.close()


async def test_a_hash_has_the_parameters_of_the_design() -> None:
    passwords = Passwords()
    assert (await passwords.hash("x")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    passwords.close()


async def test_too_many_sign_ins_at_once_are_turned_away() -> None:
    passwords = Passwords()
    found = await asyncio.gather(*(passwords.matches("x", None) for _ in range(40)), return_exceptions=True)
    assert [type(one) for one in found].count(Refusal) == 8
    passwords.close()


async def test_signing_out_ends_this_session(world: World, parts: Stack) -> None:
    ana = await world.person()

    answer = await world.http.delete("/v1/sessions/current", headers=ana.headers)

    assert answer.status_code == 204
    key, value, _ = record_at(parts.settings, position(answer))
    assert secrets.decode(key, value) == Ended(key=f"session:{sha256(ana.token.encode()).hexdigest()}")
