"""Law 28: a rank is stable within a session, and a walk through it shows each survivor once."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from api.for_you import RANKED
from api.load import Load
from api.ranking import weights
from schemas import projections as view
from schemas.ids import PhotoId, UserId
from tests.api.world import MORNING, NOON, World, token

HOME, FOR_YOU = "/v1/feeds/home", "/v1/feeds/for-you"


async def a_feed(world: World) -> tuple[UserId, list[PhotoId]]:
    """A reader's, whose older photos are liked more."""
    ana, ben = await world.person("ana"), await world.person("ben")
    await world.follow(ben, ana)
    fans = [await world.person(f"fan{n}") for n in range(8)]
    photos = [await world.photo(ana, ben, reveal_at=MORNING + timedelta(minutes=n)) for n in range(8)]
    for number, photo in enumerate(photos):
        for fan in fans[number:]:
            await world.like(fan, photo)
    return ben, photos


def ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["items"]]


async def test_what_is_liked_stands_before_what_is_newer(world: World) -> None:
    ben, photos = await a_feed(world)

    assert await world.items(FOR_YOU, ben) == photos
    assert await world.items(HOME, ben) == photos[::-1]


async def test_a_walk_keeps_the_order_in_which_it_began(world: World) -> None:
    ben, photos = await a_feed(world)
    first = (await world.get(f"{FOR_YOU}?limit=3", ben)).json()

    for n in range(9, 30):
        await world.like(await world.person(f"fan{n}"), photos[7])  # now the best of all
    await world.delete(photos[4])
    await world.photo(await world.person("ana"), ben, reveal_at=NOON)
    world.sleep(3600)
    rest = await world.walk_from(FOR_YOU, ben, first["next_cursor"])

    assert ids(first) + rest == [*photos[:4], *photos[5:]]
    assert (await world.items(FOR_YOU, ben))[0] == photos[7], "asked anew it is ranked anew"


async def test_it_leads_back_as_well(world: World) -> None:
    ben, photos = await a_feed(world)
    first = (await world.get(f"{FOR_YOU}?limit=3", ben)).json()
    second = (await world.get(f"{FOR_YOU}?limit=3&cursor={first['next_cursor']}", ben)).json()

    back = (await world.get(f"{FOR_YOU}?limit=3&cursor={second['prev_cursor']}", ben)).json()
    begin = (await world.get(f"{FOR_YOU}?limit=3&cursor={back['prev_cursor']}", ben)).json()

    assert (ids(back), ids(begin), begin["prev_cursor"]) == (photos[:3], [], back["prev_cursor"])


async def test_a_session_has_one_variant_until_its_end(world: World) -> None:
    ben, _ = await a_feed(world)
    told = {(await world.get(f"{FOR_YOU}?limit={n}", ben)).json()["variant"] for n in (1, 2, 3)}

    assert told == {weights(sha256(token(ben).encode()).hexdigest()).variant}


async def test_under_load_a_walk_begins_newest_first_and_stays_so(world: World) -> None:
    ben, photos = await a_feed(world)
    world.room.load.load = Load(1)
    first = (await world.get(f"{FOR_YOU}?limit=3", ben)).json()
    world.room.load.load = Load()
    second = (await world.get(f"{FOR_YOU}?limit=8&cursor={first['next_cursor']}", ben)).json()

    assert (first["degraded"], first["variant"]) == (["ranking"], None)
    assert ids(first) + ids(second) == photos[::-1]
    assert second["degraded"] == ["ranking"]


async def test_a_ranked_walk_stays_ranked_under_load(world: World) -> None:
    ben, photos = await a_feed(world)
    first = (await world.get(f"{FOR_YOU}?limit=3", ben)).json()
    world.room.load.load = Load(2)
    second = (await world.get(f"{FOR_YOU}?limit=5&cursor={first['next_cursor']}", ben)).json()

    assert ids(first) + ids(second) == photos
    assert (second["degraded"], second["variant"]) == (["counters"], first["variant"])


async def test_what_is_hidden_since_the_order_was_made_is_not_shown(world: World) -> None:
    ben, _ = await a_feed(world)
    first = (await world.get(f"{FOR_YOU}?limit=3", ben)).json()

    await world.block(await world.person("ana"), ben)

    assert await world.walk_from(FOR_YOU, ben, first["next_cursor"]) == []
    assert await world.items(FOR_YOU, ben) == []


async def test_it_ranks_the_newest_hundred_and_its_cursor_fits_into_a_header(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    await world.follow(ben, ana)
    photos = [await world.photo(ana, ben) for _ in range(RANKED + 5)]

    walked = await world.walk(FOR_YOU, ben, limit=40)
    page = await world.get(f"{FOR_YOU}?limit=40", ben)

    assert walked == photos[: -RANKED - 1 : -1]
    assert len(page.headers["link"]) < 4_000


async def test_an_empty_feed_has_no_neighbours(world: World) -> None:
    ben = await world.person("ben")
    await world.redis.delete(view.feed(ben))

    page = (await world.get(FOR_YOU, ben)).json()

    assert (page["items"], page["next_cursor"], page["prev_cursor"]) == ([], None, None)
