"""What is said of a photo, in the order it was said, without what its reader should not see."""

from schemas import projections as view
from schemas.ids import PhotoId, UserId
from tests.api.world import World


async def texts(world: World, photo: PhotoId, reader: UserId) -> list[str]:
    page = (await world.get(f"/v1/photos/{photo}/comments", reader)).json()
    return [item["text"] for item in page["items"]]


async def test_comments_are_read_oldest_first_with_who_said_them(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    photo = await world.photo(ana)
    first = await world.comment(ben, photo, "<b>Fog!</b>")
    second = await world.comment(cleo, photo, "Where?", reply_to=first)

    answer = await world.get(f"/v1/photos/{photo}/comments", ana)

    assert answer.json() == {
        "next_cursor": None,
        "prev_cursor": answer.json()["prev_cursor"],
        "items": [
            {
                "state": "posted", "id": first, "author": {"id": ben, "username": "ben", "display_name": "Ben"},
                "text": "<b>Fog!</b>", "reply_to": None, "posted_at": "2026-11-21T12:00:00Z",
            },
            {
                "state": "posted", "id": second, "author": {"id": cleo, "username": "cleo", "display_name": "Cleo"},
                "text": "Where?", "reply_to": first, "posted_at": "2026-11-21T12:00:00Z",
            },
        ],
    }  # fmt: skip
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_deleted_comment_leaves_only_the_place_that_replies_need(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ana)
    parent, lonely = await world.comment(ben, photo, "secret"), await world.comment(ben, photo, "secret")
    reply = await world.comment(ana, photo, "Indeed.", reply_to=parent)

    for comment in (parent, lonely):
        await world.delete_comment(photo, comment)

    answer = await world.get(f"/v1/photos/{photo}/comments", ben)
    assert answer.json()["items"][0] == {"state": "deleted", "id": parent, "reply_to": None}
    assert [item["id"] for item in answer.json()["items"]] == [parent, reply]
    assert "secret" not in answer.text
    assert (await world.get(f"/v1/photos/{photo}", ben)).json()["comments"] == 1


async def test_a_block_hides_comments_both_ways_and_a_mute_one_way(world: World) -> None:
    ana, ben, cleo, dan = [await world.person(name) for name in ("ana", "ben", "cleo", "dan")]
    photo = await world.photo(ana)
    for person in (ben, cleo, dan):
        await world.comment(person, photo, str(person))
    await world.block(ben, cleo)
    await world.mute(ben, dan)

    found = {reader: await texts(world, photo, reader) for reader in (ana, ben, cleo, dan)}

    assert found == {ana: [ben, cleo, dan], ben: [ben], cleo: [cleo, dan], dan: [ben, cleo, dan]}


async def test_a_walk_during_writes_shows_each_survivor_once(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ana)
    comments = [await world.comment(person, photo) for person in (ana, ben) * 5]
    path = f"/v1/photos/{photo}/comments"

    first = (await world.get(f"{path}?limit=3", ben)).json()
    await world.delete_comment(photo, comments[2])
    await world.delete_comment(photo, comments[4])
    last = await world.comment(ana, photo)
    rest = await world.walk_from(path, ben, first["next_cursor"])

    assert [item["id"] for item in first["items"]] == comments[:3]
    assert rest == [comments[3], *comments[5:], last]


async def test_a_desert_of_deleted_comments_is_crossed(world: World) -> None:
    ana = await world.person("ana")
    photo = await world.photo(ana)
    for _ in range(260):
        await world.delete_comment(photo, await world.comment(ana, photo))
    shown = await world.comment(ana, photo)
    path = f"/v1/photos/{photo}/comments"

    page = (await world.get(f"{path}?limit=2", ana)).json()

    assert [item["id"] for item in page["items"]] == [shown]
    assert page["next_cursor"] is None
    assert (await world.get(f"/v1/photos/{photo}", ana)).json()["comments"] == 1


async def test_a_reply_that_came_before_what_it_replies_to_breaks_nothing(world: World) -> None:
    ana = await world.person("ana")
    photo = await world.photo(ana)
    comment = await world.comment(ana, photo)
    await world.redis.delete(view.comment(photo, comment))
    await world.redis.hset(view.comment(photo, comment), "has_replies", "true")

    assert await texts(world, photo, ana) == []
