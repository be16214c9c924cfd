"""What moderators took down is gone for all but moderators, and comes back as it was. Who may look at reports."""

from dataclasses import replace

import pytest

from schemas import projections as view
from schemas.ids import PhotoId, UserId, bucket
from tests.api.world import MORNING, TOMORROW, World


async def moderated(world: World) -> tuple[World, UserId]:
    """The world as it is served where the setting names one moderator, and who that is."""
    mia = await world.person("mia")
    return world.through(replace(world.room, moderators=frozenset({mia}))), mia


async def take_down(world: World, photo: PhotoId, reason: str = "spam") -> None:
    await world.redis.hset(view.card(photo), "taken_down", reason)


async def report(world: World, user: UserId, photo: PhotoId, reason: str = "spam") -> None:
    await world.redis.hset(view.reports(photo), user, reason)
    await world.redis.sadd(view.reported(bucket(photo)), photo)


async def everything(world: World, reader: UserId, photo: PhotoId, author: UserId, roll: str) -> list[object]:
    """All that may tell of the photo: status, and body unless it is a problem."""
    paths = [
        f"/v1/photos/{photo}", f"/v1/photos/{photo}/likes", f"/v1/photos/{photo}/comments", "/v1/feeds/home",
        f"/v1/users/{author}", f"/v1/users/{author}/photos", f"/v1/rolls/{roll}", f"/v1/rolls/{roll}/photos",
    ]  # fmt: skip
    answers = [await world.get(path, reader) for path in paths]
    return [(a.status_code, a.json() if a.status_code == 200 else a.json()["code"]) for a in answers]


async def test_what_is_taken_down_is_as_gone_as_what_is_deleted_and_comes_back_exactly(world: World) -> None:
    served, mia = await moderated(world)
    ana, ben = await world.person("ana"), await world.person("ben")
    roll = await world.roll(ana, ben, visibility="public")
    for reader in (ben, mia):
        await world.follow(reader, ana)
    kept, photo = [await world.photo(ana, ben, ana, mia, roll=roll) for _ in "12"]
    await world.like(ben, photo)
    await world.comment(ben, photo)
    for reader in (ana, ben, mia):
        before = await everything(served, reader, photo, ana, roll)

        await take_down(world, photo)
        down = await everything(served, reader, photo, ana, roll)
        await take_down(world, photo, "")
        assert await everything(served, reader, photo, ana, roll) == before

        await world.delete(photo)
        gone = await everything(served, reader, photo, ana, roll)
        await world.redis.hdel(view.card(photo), "deleted_at")
        assert down[1:] == gone[1:], "for moderators too, in every list and count"
        assert photo not in str(gone[1:])
        assert kept in str(down[3]), "what is beside it stays"
        assert gone[0] == (404, "not_found")
        assert (down[0] == gone[0]) == (reader != mia)


async def test_a_moderator_gets_what_is_taken_down_whoever_else_would(world: World) -> None:
    served, mia = await moderated(world)
    ana = await world.person("ana")
    roll = await world.roll(ana)
    photo = await world.photo(ana, roll=roll, visibility="private", caption="a boat")
    await world.private(ana)
    await world.block(ana, mia)
    assert (await served.get(f"/v1/photos/{photo}", mia)).status_code == 404

    await take_down(world, photo, "violence")
    found = (await served.get(f"/v1/photos/{photo}", mia)).json()

    assert (found["state"], found["taken_down"], found["caption"]) == ("taken_down", "violence", "a boat")
    assert found["author"]["id"] == ana
    assert found["media"]["large"].startswith("http")
    assert (await world.get(f"/v1/photos/{photo}", mia)).status_code == 404, "where the setting names nobody"


@pytest.mark.parametrize("hides", ["deleted", "spoiled", "sealed", "undeveloped"])
async def test_what_is_hidden_by_another_law_is_hidden_from_moderators(world: World, hides: str) -> None:
    served, mia = await moderated(world)
    ana = await world.person("ana")
    reveal_at = TOMORROW if hides == "sealed" else MORNING
    photo = await world.photo(ana, reveal_at=reveal_at, is_developed=hides != "undeveloped")
    await take_down(world, photo)
    await report(world, mia, photo)
    if hides == "deleted":
        await world.delete(photo)
    if hides == "spoiled":
        await world.spoil(photo)

    assert (await served.get(f"/v1/photos/{photo}", mia)).status_code == 404


async def test_a_card_that_was_read_lately_is_not_shown_from_memory(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    await world.follow(ben, ana)
    photo = await world.photo(ana, ben)
    for _ in range(2):
        assert await world.items("/v1/feeds/home", ben) == [photo]

    await take_down(world, photo)
    assert await world.items("/v1/feeds/home", ben) == []
    await take_down(world, photo, "")
    assert await world.items("/v1/feeds/home", ben) == [photo]


async def test_moderators_list_what_was_reported_most_reported_first(world: World) -> None:
    served, mia = await moderated(world)
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    one, two, three = [await world.photo(author) for author in (ana, ben, ana)]
    await report(world, ben, one)
    for user, reason in ((ana, "hate"), (ben, "hate"), (cleo, "other")):
        await report(world, user, two, reason)
    await report(world, ben, three)
    await world.redis.delete(view.reports(three))  # settled; the set says it a moment later

    found = (await served.get("/v1/moderation/reports", mia)).json()

    assert found == {
        "items": [
            {"id": two, "reports": 3, "reasons": {"hate": 2, "other": 1}},
            {"id": one, "reports": 1, "reasons": {"spam": 1}},
        ],
        "open": 2,
    }


async def test_who_is_no_moderator_learns_of_no_report(world: World) -> None:
    served, _ = await moderated(world)
    ana, ben, eve = [await world.person(name) for name in ("ana", "ben", "eve")]
    hidden, seen = await world.photo(ana, visibility="private"), await world.photo(ana)
    before = (await served.get(f"/v1/photos/{seen}", ana)).content
    for photo in (hidden, seen):
        await report(world, ben, photo)

    answer = await served.get("/v1/moderation/reports", ana)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await served.get(f"/v1/photos/{seen}", ana)).content == before
    assert (await served.get(f"/v1/photos/{hidden}", eve)).status_code == 404


async def test_a_moderator_sees_what_was_reported_to_judge_it(world: World) -> None:
    served, mia = await moderated(world)
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ana, visibility="private")
    assert (await served.get(f"/v1/photos/{photo}", mia)).status_code == 404

    await report(world, ben, photo)
    found = (await served.get(f"/v1/photos/{photo}", mia)).json()

    assert (found["state"], found["id"]) == ("revealed", photo)


async def suspend(world: World, user: UserId, reason: str = "spam") -> None:
    await world.redis.hset(view.profile(user), "suspended", reason)


async def test_who_is_suspended_is_hidden_from_all_and_comes_back_exactly(world: World) -> None:
    served, mia = await moderated(world)
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    for reader in (ana, cleo, mia):
        await world.follow(reader, ben)
    photo, hers = await world.photo(ben, ana, ben, cleo, mia), await world.photo(ana)
    await world.comment(ben, hers)
    await world.like(ben, hers)
    paths = [
        f"/v1/photos/{photo}", f"/v1/users/{ben}", f"/v1/users/{ben}/photos", f"/v1/users/{ben}/followers",
        "/v1/feeds/home", f"/v1/photos/{hers}/comments", f"/v1/photos/{hers}/likes", f"/v1/users/{cleo}/following",
    ]  # fmt: skip
    for reader in (ana, ben, cleo):
        before = [(await served.get(path, reader)).content for path in paths]

        await suspend(world, ben)
        down = [await served.get(path, reader) for path in paths]
        await suspend(world, ben, "")

        assert [answer.status_code for answer in down] == [404] * 4 + [200] * 4
        assert [answer.json()["items"] for answer in down[4:]] == [[]] * 4
        assert [(await served.get(path, reader)).content for path in paths] == before

    await suspend(world, ben)
    found = (await served.get(f"/v1/photos/{photo}", mia)).json()
    assert (found["state"], found["taken_down"]) == ("taken_down", "suspended")
    assert (await served.get(f"/v1/users/{ben}", mia)).status_code == 404
