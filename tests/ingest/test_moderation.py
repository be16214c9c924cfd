"""Reports and takedowns as people give them; what the views would say is written by the tests themselves."""

import pytest

from local.stack import Stack
from schemas import projections
from schemas.facts import PhotoReported, PhotoTakenDown, TakedownReversed, UserReinstated, UserSuspended
from tests.ingest.recorded import fact_of, position
from tests.ingest.world import World


async def test_report_takedown_and_reversal_are_facts_beside_the_photo(world: World, parts: Stack) -> None:
    ana, ben, mia = await world.person("ana"), await world.person("ben"), await world.moderator()
    photo = await world.photo(ana)

    reported = await world.post(f"/v1/photos/{photo}/reports", ben, reason="copyright", text="Mine!")
    down = await world.put(f"/v1/photos/{photo}/takedown", mia, reason="copyright")
    back = await world.delete(f"/v1/photos/{photo}/takedown", mia)

    facts = [fact_of(parts.settings, answer) for answer in (reported, down, back)]
    assert [type(fact) for fact in facts] == [PhotoReported, PhotoTakenDown, TakedownReversed]
    assert [fact.by for fact in facts] == [ben.user, mia.user, mia.user]
    assert (reported.status_code, reported.json()) == (201, {"report": {"photo": photo}})
    assert (down.status_code, down.json()) == (200, {"photo": {"id": photo}, "taken_down": "copyright"})
    assert back.status_code == 204
    assert len({position(answer).partition for answer in (reported, down, back)}) == 1, "or they could change places"


async def test_a_report_that_is_retried_with_its_key_is_one(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo, headers = await world.photo(ana), {**ben.headers, "idempotency-key": "k-1"}
    body = {"reason": "spam"}

    first, again = [await world.http.post(f"/v1/photos/{photo}/reports", json=body, headers=headers) for _ in "12"]
    other = await world.http.post(f"/v1/photos/{photo}/reports", json={"reason": "hate"}, headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert "x-position" not in again.headers
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_the_second_report_of_a_person_is_told_so(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ana)
    await world.redis.hset(projections.reports(photo), ben.user, "spam")

    bens = await world.post(f"/v1/photos/{photo}/reports", ben, reason="spam")
    anas = await world.post(f"/v1/photos/{photo}/reports", ana, reason="spam")

    assert (bens.status_code, bens.json()["code"]) == (409, "conflict")
    assert anas.status_code == 201


@pytest.mark.parametrize(("members", "status", "code"), [
    ({"reason": "ugly"}, 422, "bad_value"), ({}, 422, "type_error"),
    ({"reason": "spam", "text": "\u200b"}, 422, "empty_text"),
])  # fmt: skip
async def test_a_reason_is_one_of_a_list(world: World, members: dict[str, str], status: int, code: str) -> None:
    ana = await world.person("ana")
    photo = await world.photo(ana)

    answer = await world.http.post(f"/v1/photos/{photo}/reports", json=members, headers=ana.headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_what_is_taken_down_is_not_there_to_be_liked_commented_or_reported(world: World) -> None:
    ana, ben, mia = await world.person("ana"), await world.person("ben"), await world.moderator()
    photo = await world.photo(ana)
    await world.redis.hset(projections.card(photo), "taken_down", "spam")
    for person in (ana, ben, mia):
        tried = [
            await world.put(f"/v1/photos/{photo}/like", person),
            await world.delete(f"/v1/photos/{photo}/like", person),
            await world.post(f"/v1/photos/{photo}/comments", person, text="Fog!"),
            await world.post(f"/v1/photos/{photo}/reports", person, reason="spam"),
        ]
        assert [(answer.status_code, answer.json()["code"]) for answer in tried] == [(404, "not_found")] * 4

    await world.redis.hset(projections.card(photo), "taken_down", "")
    assert (await world.put(f"/v1/photos/{photo}/like", ben)).status_code == 200


async def test_whoever_is_suspended_may_still_sign_out(world: World) -> None:
    ana = await world.person("ana")
    await world.redis.hset(projections.profile(ana.user), "suspended", "spam")

    assert (await world.delete("/v1/sessions/current", ana)).status_code == 204


async def test_its_author_still_takes_back_what_is_taken_down(world: World) -> None:
    ana = await world.person("ana")
    photo = await world.photo(ana)
    await world.redis.hset(projections.card(photo), "taken_down", "spam")

    answer = await world.delete(f"/v1/photos/{photo}", ana)

    assert answer.status_code == 204
    assert "x-position" in answer.headers


async def test_a_suspension_and_its_end_are_facts_about_who_is_suspended(world: World, parts: Stack) -> None:
    ana, mia = await world.person("ana"), await world.moderator()

    down = await world.put(f"/v1/users/{ana.user}/suspension", mia, reason="spam")
    back = await world.delete(f"/v1/users/{ana.user}/suspension", mia)
    oneself = await world.put(f"/v1/users/{mia.user}/suspension", mia, reason="spam")
    nobody = await world.put("/v1/users/4242/suspension", mia, reason="spam")

    facts = [fact_of(parts.settings, answer) for answer in (down, back)]
    assert [type(fact) for fact in facts] == [UserSuspended, UserReinstated]
    assert (down.status_code, down.json()) == (200, {"user": {"id": ana.user}, "suspended": "spam"})
    assert back.status_code == 204
    assert position(down).partition == position(back).partition, "or they could change places"
    assert (oneself.status_code, oneself.json()["code"]) == (422, "self_target")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "not_found")


async def test_commands_of_who_is_suspended_are_refused_and_they_are_nobody_to_others(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ana)
    await world.redis.hset(projections.profile(ana.user), "suspended", "spam")

    own = await world.post("/v1/rolls", ana, name="Lisbon")
    assert (own.status_code, own.json()["code"]) == (403, "suspended")
    for answer in (
        await world.put(f"/v1/photos/{photo}/like", ben),
        await world.post(f"/v1/users/{ana.user}/follow", ben),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    await world.redis.hset(projections.profile(ana.user), "suspended", "")
    assert (await world.put(f"/v1/photos/{photo}/like", ana)).status_code == 200
    assert (await world.put(f"/v1/photos/{photo}/like", ben)).status_code == 200
