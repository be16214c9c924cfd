"""Who sees whom: private accounts, requests, blocks, mutes."""

import pytest

from schemas.ids import RollId, UserId
from tests.api.world import TOMORROW, World


async def everywhere(world: World, reader: UserId, author: UserId, photo: str, roll: RollId) -> dict[str, int]:
    """How every read that could show something of `author` answers `reader`: its status, or how often it shows it."""
    paths = [f"/v1/users/{author}{more}" for more in ("", "/photos", "/followers", "/following")]
    found = {path: (await world.get(path, reader)).status_code for path in (*paths, f"/v1/photos/{photo}")}
    lists = ("/v1/feeds/home", f"/v1/rolls/{roll}/photos", f"/v1/rolls/{roll}/members")
    for path in lists:
        items = await world.items(path, reader)
        found[path] = sum(item in (photo, author) for item in items)
    return found


@pytest.mark.parametrize("turned", [False, True], ids=["blocks", "is blocked"])
async def test_a_block_hides_both_ways_at_once_everywhere(world: World, turned: bool) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    roll = await world.roll(cleo, ana, ben)
    photo = await world.photo(ana, ben, roll=roll)
    await world.follow(ben, ana)
    paths = await everywhere(world, ben, ana, photo, roll)
    assert set(paths.values()) == {200, 1}

    await (world.block(ben, ana) if turned else world.block(ana, ben))

    assert set((await everywhere(world, ben, ana, photo, roll)).values()) == {404, 0}
    unknown = await world.get("/v1/users/4242", ben)
    hidden = await world.get(f"/v1/users/{ana}", ben)
    assert {**hidden.json(), "instance": "", "request_id": ""} == {**unknown.json(), "instance": "", "request_id": ""}
    await (world.unblock(ben, ana) if turned else world.unblock(ana, ben))
    assert await everywhere(world, ben, ana, photo, roll) == paths


async def test_the_roll_of_whom_a_block_hides_is_not_there(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    public = await world.roll(ana, visibility="public")
    shared = await world.roll(ana, ben, number=2)

    await world.block(ana, ben)

    for roll in (public, shared):
        for path in (f"/v1/rolls/{roll}", f"/v1/rolls/{roll}/photos", f"/v1/rolls/{roll}/members"):
            assert (await world.get(path, ben)).status_code == 404
            assert (await world.get(path, ana)).status_code == 200


async def test_a_hidden_member_leaves_no_gap_in_the_list_of_members(world: World) -> None:
    people = [await world.person(f"p{n}") for n in range(7)]
    roll = await world.roll(*people)
    reader, other = sorted(people, key=int)[0], sorted(people, key=int)[2]
    await world.block(other, reader)

    first = await world.items(f"/v1/rolls/{roll}/members?limit=3", reader)

    assert len(first) == 3
    assert await world.walk(f"/v1/rolls/{roll}/members", reader, limit=3) == sorted({*people} - {other}, key=int)


async def test_a_private_account_shows_strangers_its_name_only(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    await world.follow(ben, ana)
    photo = await world.photo(ana, ben, cleo)
    await world.private(ana)

    seen = (await world.get(f"/v1/users/{ana}", cleo)).json()

    assert (seen["username"], seen["visibility"], seen["photos"], seen["you_requested"]) == ("ana", "private", 0, False)
    for path in (f"/v1/users/{ana}/{what}" for what in ("photos", "followers", "following")):
        assert (await world.get(path, cleo)).status_code == 404
        assert (await world.get(path, ben)).status_code == (await world.get(path, ana)).status_code == 200
    assert (await world.get(f"/v1/photos/{photo}", cleo)).status_code == 404
    assert await world.items("/v1/feeds/home", cleo) == []
    assert await world.items("/v1/feeds/home", ben) == [photo]
    assert (await world.get(f"/v1/users/{ana}", ben)).json()["photos"] == 1


async def test_members_of_a_roll_see_what_a_private_account_shares_there_and_others_do_not(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    await world.private(ana)
    roll = await world.roll(ben, ana, visibility="public")
    photo = await world.photo(ana, roll=roll)

    assert await world.items(f"/v1/rolls/{roll}/photos", ben) == [photo]
    assert (await world.get(f"/v1/users/{ana}", ben)).json()["photos"] == 0, "as many as the grid shows, which is shut"
    assert await world.items(f"/v1/rolls/{roll}/photos", cleo) == []
    assert (await world.get(f"/v1/rolls/{roll}", cleo)).json()["photos"] == 0


async def test_a_request_is_seen_from_both_sides_until_it_is_answered(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    await world.private(ana)
    await world.request(ben, ana)
    await world.request(cleo, ana)

    assert (await world.get(f"/v1/users/{ana}", ben)).json()["you_requested"] is True
    assert await world.items("/v1/follow-requests", ana) == sorted([ben, cleo], key=int)
    assert await world.items("/v1/follow-requests", ben) == []
    await world.follow(ben, ana)
    await world.block(cleo, ana)
    assert await world.items("/v1/follow-requests", ana) == []
    seen = (await world.get(f"/v1/users/{ana}", ben)).json()
    assert (seen["you_follow"], seen["you_requested"]) == (True, False)
    assert (await world.get(f"/v1/users/{ben}", ana)).json()["follows_you"] is True


async def test_a_mute_is_one_way_and_shows_in_nothing_that_others_read(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    for one, other in ((ana, ben), (ben, ana)):
        await world.follow(one, other)
    photo = await world.photo(ana, ben)
    await world.photo(ben, ana)
    paths = [f"/v1/users/{who}{more}" for who in (ana, ben) for more in ("", "/photos", "/followers", "/following")]
    paths += ["/v1/feeds/home", "/v1/mutes"]
    before = {(path, who): (await world.get(path, who)).text for path in paths for who in (ana, cleo)}

    await world.mute(ben, ana)

    assert await world.items("/v1/feeds/home", ben) == []
    assert await world.items(f"/v1/users/{ana}/photos", ben) == [photo], "who goes there sees them"
    assert (await world.get(f"/v1/users/{ana}", ben)).json()["you_mute"] is True
    assert await world.items("/v1/mutes", ben) == [ana]
    assert {(path, who): (await world.get(path, who)).text for path in paths for who in (ana, cleo)} == before


async def test_whom_one_blocks_stands_in_a_list_of_one_s_own(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    await world.block(ana, ben)

    assert await world.items("/v1/blocks", ana) == [ben]
    assert await world.items("/v1/blocks", ben) == []


async def test_followers_are_walked_in_the_order_of_their_ids(world: World) -> None:
    ana = await world.person("ana")
    others = [await world.person(f"p{n}") for n in range(5)]
    for other in others:
        await world.follow(other, ana)

    assert await world.walk(f"/v1/users/{ana}/followers", others[0], limit=2) == sorted(others, key=int)
    assert await world.items(f"/v1/users/{others[0]}/following", ana) == [ana]


async def test_who_left_a_roll_sees_their_own_photos_and_nothing_else_of_it(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    roll = await world.roll(ana, cleo)  # ben is gone
    await world.follow(ben, ana)
    anas = await world.photo(ana, ben, roll=roll, visibility="private")
    bens = await world.photo(ben, roll=roll, visibility="private")
    sealed = await world.photo(ben, roll=roll, visibility="private", reveal_at=TOMORROW)

    for path in (f"/v1/rolls/{roll}", f"/v1/rolls/{roll}/photos", f"/v1/rolls/{roll}/members", f"/v1/photos/{anas}"):
        assert (await world.get(path, ben)).status_code == 404
    assert await world.items("/v1/feeds/home", ben) == []
    assert await world.items("/v1/users/me/photos", ben) == [sealed, bens]
    assert set(await world.items(f"/v1/rolls/{roll}/photos", cleo)) == {bens, anas}, "what he took in stays in"


async def test_a_renamed_roll_has_its_new_name_and_a_closed_one_says_since_when(world: World) -> None:
    ana = await world.person("ana")
    roll = await world.roll(ana)
    await world.rename(roll, "Porto")

    open_one = (await world.get(f"/v1/rolls/{roll}", ana)).json()
    await world.close_roll(roll)
    closed = (await world.get(f"/v1/rolls/{roll}", ana)).json()

    assert (open_one["name"], open_one["closed_at"]) == ("Porto", None)
    assert (closed["name"], closed["closed_at"]) == ("Porto", "2026-11-21T12:00:00Z")
