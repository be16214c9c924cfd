from tests.api.world import MORNING, NOON, TOMORROW, World


async def test_a_private_roll_is_404_to_whoever_is_not_a_member(world: World) -> None:
    ana, bob, eve = [await world.person(name) for name in ("ana", "bob", "eve")]
    roll = await world.roll(ana, bob)

    for path in (f"/v1/rolls/{roll}", f"/v1/rolls/{roll}/photos", f"/v1/rolls/{roll}/members"):
        assert (await world.get(path, bob)).status_code == 200
        assert (await world.get(path, eve)).status_code == 404
        assert (await world.get(path.replace(roll, "4242"), bob)).status_code == 404


async def test_a_public_roll_is_open_to_everyone(world: World) -> None:
    ana, eve = await world.person("ana"), await world.person("eve")
    roll = await world.roll(ana, visibility="public")
    photo = await world.photo(ana, roll=roll)

    found = (await world.get(f"/v1/rolls/{roll}", eve)).json()

    assert (found["name"], found["owner"]["username"], found["you_are_member"]) == ("Lisbon", "ana", False)
    assert (found["photos"], found["members"]) == (1, 1)
    assert await world.items(f"/v1/rolls/{roll}/photos", eve) == [photo]


async def test_a_roll_is_revealed_at_once(world: World) -> None:
    ana, bob, eve = [await world.person(name) for name in ("ana", "bob", "eve")]
    roll = await world.roll(ana, bob, eve)
    photos = {await world.photo(who, reveal_at=TOMORROW, roll=roll, visibility="private") for who in (ana, bob) * 3}

    world.now[0] = TOMORROW
    world.sleep(-1)
    assert await world.items(f"/v1/rolls/{roll}/photos", eve) == []
    assert (await world.get(f"/v1/rolls/{roll}", eve)).json()["photos"] == 0
    world.sleep(1)
    assert set(await world.items(f"/v1/rolls/{roll}/photos", eve)) == photos
    assert (await world.get(f"/v1/rolls/{roll}", eve)).json()["photos"] == 6


async def test_a_member_sees_their_own_sealed_cards_before_the_revealed_photos(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    roll, other = await world.roll(ana, bob), await world.roll(ana, bob, number=2)
    old = [await world.photo(ana, reveal_at=NOON, roll=roll, visibility="private") for _ in range(3)]
    own = [await world.photo(bob, reveal_at=TOMORROW, roll=roll, visibility="private") for _ in range(2)]
    await world.photo(ana, reveal_at=TOMORROW, roll=roll, visibility="private")
    await world.photo(bob, reveal_at=TOMORROW, roll=other, visibility="private")

    page = (await world.get(f"/v1/rolls/{roll}/photos", bob)).json()

    assert [item["state"] for item in page["items"]] == ["sealed"] * 2 + ["revealed"] * 3
    assert await world.walk(f"/v1/rolls/{roll}/photos", bob, limit=1) == [*own[::-1], *old[::-1]]


async def test_a_count_does_not_tell_of_spoiled_or_undeveloped_photos(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    roll = await world.roll(ana, bob)
    await world.photo(ana, roll=roll, visibility="private")
    await world.spoil(await world.photo(ana, roll=roll, visibility="private"))
    await world.photo(ana, roll=roll, visibility="private", is_developed=False)

    assert (await world.get(f"/v1/rolls/{roll}", bob)).json()["photos"] == 1


async def test_members_are_walked_in_the_order_of_their_ids(world: World) -> None:
    people = [await world.person(name) for name in ("ana", "bob", "eve", "kim", "lea")]
    roll = await world.roll(*people)

    page = (await world.get(f"/v1/rolls/{roll}/members?limit=2", people[0])).json()

    assert page["items"][0].keys() == {"id", "username", "display_name"}
    assert await world.walk(f"/v1/rolls/{roll}/members", people[0], limit=2) == sorted(people, key=int)


async def test_co_members_learn_nothing_of_each_other_s_photos_before_the_reveal_by_any_read(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    roll = await world.roll(ana, bob)
    paths = [f"/v1/rolls/{roll}", f"/v1/rolls/{roll}/photos", f"/v1/rolls/{roll}/members", "/v1/feeds/home"]
    paths += [f"/v1/users/{ana}", f"/v1/users/{ana}/photos"]
    before = [(await world.get(path, bob)).text for path in paths]

    photo = await world.photo(ana, bob, reveal_at=TOMORROW, roll=roll, visibility="private")

    assert [(await world.get(path, bob)).text for path in paths] == before
    assert (await world.get(f"/v1/photos/{photo}", bob)).status_code == 404
    world.now[0] = TOMORROW
    assert (await world.get(f"/v1/photos/{photo}", bob)).json()["state"] == "revealed"


async def test_photos_of_a_roll_stand_in_the_order_of_their_reveal(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    roll = await world.roll(ana, bob)
    first = [await world.photo(who, reveal_at=MORNING, roll=roll, visibility="private") for who in (ana, bob, ana)]
    later = [await world.photo(who, reveal_at=NOON, roll=roll, visibility="private") for who in (bob, ana, bob)]

    expected = [*sorted(later, key=int, reverse=True), *sorted(first, key=int, reverse=True)]
    for reader in (ana, bob):
        assert await world.walk(f"/v1/rolls/{roll}/photos", reader, limit=2) == expected
