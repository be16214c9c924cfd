import pytest

from api import paging
from schemas import projections as view
from tests.api.world import MORNING, NOON, TOMORROW, World

HOME = "/v1/feeds/home"


async def test_home_shows_what_followed_people_revealed_newest_first(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    first = await world.photo(ana, bob, reveal_at=MORNING)
    second = await world.photo(ana, bob, reveal_at=NOON)

    assert await world.items(HOME, bob) == [second, first]


async def test_an_item_carries_its_author_and_signed_links(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    photo = await world.photo(ana, bob)

    (item,) = (await world.get(HOME, bob)).json()["items"]

    assert item["author"] == {"id": ana, "username": "ana", "display_name": "Ana"}
    assert item["media"]["large"].startswith(f"http://127.0.0.1:7070/darkroom/{photo}/5ec7e7/large.jpg?X-Amz-")
    del item["author"], item["media"]
    assert item == {
        "state": "revealed",
        "id": photo,
        "roll": None,
        "caption": "a boat",
        "revealed_at": "2026-11-21T09:00:00Z",
        "width": 1920,
        "height": 1280,
        "placeholder": "L6Pj0^",
        "likes": 0,
        "comments": 0,
        "you_like": False,
    }


async def test_a_sealed_photo_enters_home_at_its_very_second(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    photo = await world.photo(ana, bob, reveal_at=TOMORROW)

    world.now[0] = TOMORROW
    world.sleep(-0.001)
    assert await world.items(HOME, bob) == []
    world.sleep(0.001)
    assert await world.items(HOME, bob) == [photo]


async def test_a_photo_that_is_in_both_lists_is_shown_once(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    photo = await world.photo(ana, bob)
    await world.redis.lpush(view.sealed(bob), photo)

    assert await world.items(HOME, bob) == [photo]


async def test_home_hides_whoever_is_no_longer_followed(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    await world.photo(ana, bob)

    await world.unfollow(bob, ana)

    assert await world.items(HOME, bob) == []


async def test_home_hides_deleted_spoiled_and_undeveloped_photos(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    await world.delete(await world.photo(ana, bob))
    await world.spoil(await world.photo(ana, bob))
    await world.photo(ana, bob, is_developed=False)
    shown = await world.photo(ana, bob)

    assert await world.items(HOME, bob) == [shown]


async def test_home_hides_photos_of_private_rolls_from_followers_outside(world: World) -> None:
    ana, bob, eve = [await world.person(name) for name in ("ana", "bob", "eve")]
    roll = await world.roll(ana, bob)
    for follower in (bob, eve):
        await world.follow(follower, ana)
    photo = await world.photo(ana, bob, eve, roll=roll, visibility="private")

    assert await world.items(HOME, bob) == [photo]
    assert await world.items(HOME, eve) == []


async def test_a_page_is_filled_although_candidates_are_hidden(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    shown = [await world.photo(ana, bob) for _ in range(2)]
    for _ in range(120):
        await world.delete(await world.photo(ana, bob))

    page = (await world.get(f"{HOME}?limit=2", bob)).json()

    assert [item["id"] for item in page["items"]] == shown[::-1]
    assert page["next_cursor"] is None


async def test_a_desert_is_crossed_within_a_page_whether_the_feed_is_warm_or_cold(world: World) -> None:
    """Of a cold feed the candidates are others: grids have the spoiled ones, too."""
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    shown = await world.photo(ana, bob)
    await world.redis.lpush(view.outbox(ana), shown)
    for number in range(390):
        hidden = await world.photo(ana, bob)
        await world.redis.lpush(view.outbox(ana), hidden)
        await world.delete(hidden)
        if number % 9 == 0:
            await world.spoil(await world.photo(ana))

    warm = (await world.get(f"{HOME}?limit=2", bob)).json()
    await world.redis.delete(view.feed(bob))
    cold = (await world.get(f"{HOME}?limit=2", bob)).json()

    assert [item["id"] for item in warm["items"]] == [shown]
    assert cold == warm


async def test_a_desert_without_end_ends_the_page_short_and_the_walk_crosses_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "ROUNDS", 2)
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    shown = await world.photo(ana, bob)
    for _ in range(260):
        await world.delete(await world.photo(ana, bob))

    page = (await world.get(f"{HOME}?limit=2", bob)).json()

    assert page["items"] == []
    assert page["next_cursor"] is not None
    assert await world.walk(HOME, bob) == [shown]


async def test_a_walk_during_writes_shows_each_survivor_once(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    photos = [await world.photo(ana, bob) for _ in range(9)]

    first = (await world.get(f"{HOME}?limit=3", bob)).json()
    await world.delete(photos[4])
    await world.photo(ana, bob, reveal_at=NOON)
    rest = await world.walk_from(HOME, bob, first["next_cursor"])

    survivors = [photo for photo in reversed(photos) if photo != photos[4]]
    assert [item["id"] for item in first["items"]] + rest == survivors


async def test_a_reveal_between_two_pages_disturbs_no_walk(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    photos = [await world.photo(ana, bob) for _ in range(4)]
    await world.photo(ana, bob, reveal_at=TOMORROW)

    first = (await world.get(f"{HOME}?limit=2", bob)).json()
    world.now[0] = TOMORROW
    rest = await world.walk_from(HOME, bob, first["next_cursor"])

    assert [item["id"] for item in first["items"]] + rest == photos[::-1]


async def test_a_lost_feed_is_answered_from_the_outboxes_and_so_is_ones_own(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    photo, own = await world.photo(ana, bob), await world.photo(bob, bob, reveal_at=NOON)
    before = await world.items(HOME, bob)

    await world.redis.rpush(view.outbox(ana), photo)
    await world.redis.rpush(view.outbox(bob), own)
    await world.redis.delete(view.feed(bob), view.sealed(bob))

    assert await world.items(HOME, bob) == before == [own, photo]


async def test_an_empty_feed_is_an_empty_page(world: World) -> None:
    bob = await world.person("bob")

    assert (await world.get(HOME, bob)).json() == {"items": [], "next_cursor": None, "prev_cursor": None}
