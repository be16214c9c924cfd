"""An account is deleted by whoever knows its password, for good."""

from hashlib import sha256
from secrets import token_hex

import httpx
import pytest

from local.stack import Stack
from schemas import hashes, projections, secrets
from schemas.facts import PhotoDeleted, UserErased
from schemas.secrets import Ended
from schemas.topics import SECRETS
from tests import log
from tests.builders import a_photo
from tests.ingest.recorded import fact_of, facts_by
from tests.ingest.world import Person, World

GOOD = "correct horse"


async def with_password(world: World, person: Person) -> Person:
    """As the views say it: a password, this session and two others, one of which ends tomorrow."""
    hash = await world.room.doors.passwords.hash(GOOD)
    await world.redis.set(projections.password(person.user), hash)
    now = world.room.doors.clock()
    tomorrow = projections.day_after(now)
    for token, day in zip(tokens_of(person), (now, now, tomorrow), strict=True):
        await world.redis.sadd(projections.sessions(person.user, day), token)
    return person


def token_of(person: Person) -> str:
    return sha256(person.token.encode()).hexdigest()


def tokens_of(person: Person) -> list[str]:
    """This session's, and two that are nobody else's."""
    return [token_of(person), *(sha256(f"{person.user} {name}".encode()).hexdigest() for name in ("phone", "tablet"))]


async def erase(world: World, person: Person, password: str = GOOD) -> httpx.Response:
    return await world.http.request("DELETE", "/v1/me", json={"password": password}, headers=person.headers)


async def as_views_say(world: World, person: Person) -> None:
    erased_at = hashes.text(world.room.doors.clock())
    fields = {"username": "", "display_name": "", "tz": "UTC", "erased_at": erased_at}
    await world.redis.hset(projections.profile(person.user), mapping=fields)


def ended(parts: Stack) -> list[str]:
    """Keys of the tombstones, as the log has them."""
    found = [secrets.decode(record.key, record.value) for record in log.records(parts.settings, SECRETS)]
    return [secret.key for secret in found if isinstance(secret, Ended)]


async def test_an_erasure_is_a_fact_and_the_end_of_password_and_sessions(
    world: World, parts: Stack, capfd: pytest.CaptureFixture[str]
) -> None:
    names = f"ana_{token_hex(4)}", f"ben_{token_hex(4)}"
    ana, others = [await with_password(world, await world.person(name)) for name in names]

    answer = await erase(world, ana)

    assert (answer.status_code, answer.content) == (204, b"")
    told = "".join(capfd.readouterr())
    assert "an account is erased" in told
    assert ana.user not in told, "the security log names no one"
    assert isinstance(fact_of(parts.settings, answer), UserErased)
    assert [type(fact) for fact in facts_by(parts.settings, ana.user)] == [UserErased]
    keys = ended(parts)
    assert {f"password:{ana.user}", *(f"session:{token}" for token in tokens_of(ana))} <= set(keys)
    assert not {f"password:{others.user}", *(f"session:{token}" for token in tokens_of(others))} & set(keys)


async def test_all_photos_that_stand_are_taken_back_each_by_a_fact_of_its_own(world: World, parts: Stack) -> None:
    ana = await with_password(world, await world.person())
    roll = await world.roll(ana)
    photos = {await world.photo(ana): None, await world.photo(ana, roll, "private", is_revealed=False): roll}
    gone = a_photo(ana.user, 2)
    for photo in (*photos, gone):
        await world.redis.zadd(projections.user_photos(ana.user), {projections.place(photo): 0})
    await world.redis.hset(projections.card(gone), "deleted_at", "2026-11-22T09:45:00Z")

    answers = [await erase(world, ana) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204], "the views have seen none of it yet"
    facts = [fact for fact in facts_by(parts.settings, ana.user) if isinstance(fact, PhotoDeleted)]
    assert sorted((fact.photo, fact.roll) for fact in facts) == sorted([*photos.items()] * 2)
    assert len({fact.id for fact in facts}) == 2, "a retry makes copies"


async def test_a_wrong_password_erases_nobody_and_uses_up_tries(world: World, parts: Stack) -> None:
    ana = await with_password(world, await world.person())

    answers = [await erase(world, ana, "wrong horse") for _ in range(11)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        *[(401, "invalid_credentials")] * 10,
        (429, "too_many_attempts"),
    ]
    assert (await erase(world, ana)).status_code == 429, "or guessing would go on"
    assert facts_by(parts.settings, ana.user) == []
    assert f"password:{ana.user}" not in ended(parts)


async def test_whoever_was_cut_off_finishes_it_with_the_same_token_and_it_is_one_fact(
    world: World, parts: Stack
) -> None:
    ana = await with_password(world, await world.person())
    first = await erase(world, ana)
    await as_views_say(world, ana)
    await world.redis.delete(projections.password(ana.user))

    again = await erase(world, ana, "whatever")

    assert again.status_code == 204
    ids = {fact_of(parts.settings, answer).id for answer in (first, again)}
    assert len(ids) == 1
    await world.redis.delete(projections.session(token_of(ana)))
    over = await erase(world, ana)
    assert (over.status_code, over.json()["code"]) == (401, "invalid_token")


async def test_nobody_does_anything_as_somebody_who_is_erased(world: World) -> None:
    ana = await with_password(world, await world.person("ana"))
    ben = await world.person("ben")
    await as_views_say(world, ana)

    left = await world.post("/v1/rolls", ana, name="Lisbon")  # a session that the deletion did not know of
    signed_in = await world.post("/v1/sessions", username="ana", password=GOOD)  # and a late copy of the password
    taken = await world.post("/v1/accounts", username="ANA", password=GOOD, tz="UTC")

    assert (left.status_code, left.json()["code"]) == (401, "invalid_token")
    assert (signed_in.status_code, signed_in.json()["code"]) == (401, "invalid_credentials")
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict"), "nobody may pass for them"
    assert (await world.delete("/v1/sessions/current", ana)).status_code == 204
    for method, path in (("POST", "follow"), ("PUT", "mute"), ("POST", "mute"), ("POST", "block")):
        answer = await world.http.request(method, f"/v1/users/{ana.user}/{path}", headers=ben.headers)
        assert answer.status_code in (404, 405), path


async def test_what_they_made_is_not_there_to_be_liked_commented_or_spoken_to(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ana)
    await as_views_say(world, ana)

    answers = [
        await world.put(f"/v1/photos/{photo}/like", ben),
        await world.post(f"/v1/photos/{photo}/comments", ben, text="Fog!"),
        await world.post("/v1/conversations", ben, recipients=[ana.user]),
    ]

    assert [answer.status_code for answer in answers] == [404] * 3


@pytest.mark.parametrize("suspended", ["", "spam"])
async def test_who_is_suspended_may_leave_too(world: World, suspended: str) -> None:
    ana = await with_password(world, await world.person())
    await world.redis.hset(projections.profile(ana.user), "suspended", suspended)

    assert (await erase(world, ana)).status_code == 204
