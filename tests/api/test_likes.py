"""Who likes a photo, and how many: sets, and nothing before the reveal."""

import pytest

from tests.api.world import MORNING, TOMORROW, World


async def test_a_photo_counts_who_likes_it_and_says_whether_you_do(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    photo, other = await world.photo(ana), await world.photo(ana)
    for _ in range(2):
        await world.like(ben, photo)
    await world.like(cleo, photo)

    bens, anas = [(await world.get(f"/v1/photos/{photo}", reader)).json() for reader in (ben, ana)]
    grid = (await world.get(f"/v1/users/{ana}/photos", ben)).json()["items"]

    assert (bens["likes"], bens["you_like"]) == (2, True)
    assert (anas["likes"], anas["you_like"]) == (2, False)
    assert [(item["id"], item["likes"], item["you_like"]) for item in grid] == [(other, 0, False), (photo, 2, True)]


async def test_who_likes_a_photo_is_walked_in_the_order_of_their_ids(world: World) -> None:
    ana = await world.person("ana")
    photo, people = await world.photo(ana), [await world.person(f"p{n}") for n in range(7)]
    for person in people:
        await world.like(person, photo)

    assert await world.walk(f"/v1/photos/{photo}/likes", ana, limit=3) == sorted(people, key=int)


async def test_a_block_hides_a_like_from_the_two_and_from_nobody_else(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    photo = await world.photo(ana)
    for person in (ben, cleo):
        await world.like(person, photo)
    await world.block(ben, cleo)

    path = f"/v1/photos/{photo}/likes"
    assert [await world.items(path, reader) for reader in (ben, cleo)] == [[ben], [cleo]]
    assert await world.items(path, ana) == sorted([ben, cleo], key=int)


@pytest.mark.parametrize("what", ["likes", "comments"])
@pytest.mark.parametrize("hides", ["sealed", "spoiled", "deleted", "blocked", "private account", "private roll"])
async def test_what_is_said_of_a_hidden_photo_is_not_there(world: World, what: str, hides: str) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    roll = await world.roll(ana, cleo) if hides == "private roll" else None
    reveal_at = TOMORROW if hides == "sealed" else MORNING
    photo = await world.photo(ana, roll=roll, visibility="private" if roll else "public", reveal_at=reveal_at)
    await world.like(cleo, photo)
    await world.comment(cleo, photo)
    match hides:
        case "spoiled":
            await world.spoil(photo)
        case "deleted":
            await world.delete(photo)
        case "blocked":
            await world.block(ana, ben)
        case "private account":
            await world.private(ana)

    hidden = await world.get(f"/v1/photos/{photo}/{what}", ben)
    missing = await world.get(f"/v1/photos/4242/{what}", ben)
    own = await world.get(f"/v1/photos/{photo}/{what}", ana)

    said = [{**answer.json(), "instance": "", "request_id": ""} for answer in (hidden, missing)]
    assert said[0] == said[1]
    assert hidden.status_code == 404
    assert own.status_code == (404 if hides in ("sealed", "spoiled", "deleted") else 200)


async def test_a_sealed_card_has_no_counts(world: World) -> None:
    ana = await world.person("ana")
    photo = await world.photo(ana, reveal_at=TOMORROW)
    await world.like(ana, photo)

    card = (await world.get(f"/v1/photos/{photo}", ana)).json()

    assert not {"likes", "comments", "you_like"} & card.keys()
