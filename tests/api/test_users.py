from tests.api.world import NOON, TOMORROW, World


async def test_a_profile_has_counts_and_says_whether_you_follow(world: World) -> None:
    ana, bob, eve = [await world.person(name) for name in ("ana", "bob", "eve")]
    await world.follow(bob, ana)
    await world.follow(eve, ana)
    await world.follow(ana, eve)
    await world.photo(ana)
    await world.photo(ana, reveal_at=TOMORROW)

    assert (await world.get(f"/v1/users/{ana}", bob)).json() == {
        "id": ana,
        "username": "ana",
        "display_name": "Ana",
        "registered_at": "2026-11-12T12:00:00Z",
        "photos": 1,
        "followers": 2,
        "following": 1,
        "visibility": "public",
        "you_follow": True,
        "you_requested": False,
        "follows_you": False,
        "you_mute": False,
    }
    assert (await world.get(f"/v1/users/{eve}", bob)).json()["you_follow"] is False


async def test_me_is_whoever_asks(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    photo = await world.photo(ana)

    assert (await world.get("/v1/users/me", ana)).json()["id"] == ana
    assert await world.items("/v1/users/me/photos", ana) == [photo]
    assert await world.items("/v1/users/me/photos", bob) == []


async def test_nobody_is_404(world: World) -> None:
    ana = await world.person("ana")

    for path in ("/v1/users/4242", "/v1/users/4242/photos"):
        assert (await world.get(path, ana)).status_code == 404


async def test_sealed_and_spoiled_cards_stand_in_the_authors_grid_only(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    revealed = await world.photo(ana)
    failed = await world.photo(ana, reveal_at=NOON)
    await world.spoil(failed)
    sealed = await world.photo(ana, reveal_at=TOMORROW)

    own = (await world.get(f"/v1/users/{ana}/photos", ana)).json()["items"]

    assert [item["id"] for item in own] == [sealed, failed, revealed]
    assert [item["state"] for item in own] == ["sealed", "spoiled", "revealed"]
    assert await world.items(f"/v1/users/{ana}/photos", bob) == [revealed]


async def test_a_grid_neither_shows_nor_counts_photos_of_closed_rolls(world: World) -> None:
    ana, bob, eve = [await world.person(name) for name in ("ana", "bob", "eve")]
    roll = await world.roll(ana, bob)
    private = await world.photo(ana, roll=roll, visibility="private")
    public = await world.photo(ana)

    assert set(await world.items(f"/v1/users/{ana}/photos", bob)) == {private, public}
    assert await world.items(f"/v1/users/{ana}/photos", eve) == [public]
    counts = [(await world.get(f"/v1/users/{ana}", who)).json()["photos"] for who in (bob, eve)]
    assert counts == [2, 1]


async def test_a_grid_is_walked_while_photos_come_and_go(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    photos = [await world.photo(ana) for _ in range(8)]

    first = (await world.get(f"/v1/users/{ana}/photos?limit=3", bob)).json()
    await world.delete(photos[2])
    await world.photo(ana, reveal_at=NOON)
    rest = await world.walk_from(f"/v1/users/{ana}/photos", bob, first["next_cursor"])

    survivors = [photo for photo in reversed(photos) if photo != photos[2]]
    assert [item["id"] for item in first["items"]] + rest == survivors


async def test_what_is_sealed_leaves_no_trace_in_anyone_elses_pages(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    revealed = await world.photo(ana, bob)
    for _ in range(260):  # more than a page looks at, were they candidates
        await world.photo(ana, bob, reveal_at=TOMORROW)

    for path in (f"/v1/users/{ana}/photos?limit=1", "/v1/feeds/home?limit=1"):
        page = (await world.get(path, bob)).json()
        assert [item["id"] for item in page["items"]] == [revealed]
        assert page["next_cursor"] is None  # one that led to nothing would tell that something is coming


async def test_ones_own_count_has_neither_sealed_nor_spoiled_photos(world: World) -> None:
    ana = await world.person("ana")
    await world.photo(ana)
    await world.spoil(await world.photo(ana))
    await world.photo(ana, reveal_at=TOMORROW)
    await world.photo(ana, is_developed=False)

    assert (await world.get("/v1/users/me", ana)).json()["photos"] == 1
