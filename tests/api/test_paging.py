"""Law 25: pages of every list lead back, too, and a walk back ends at what is there by then."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import pytest

from api import paging
from schemas import projections as view
from schemas.ids import UserId
from tests.api.world import MORNING, NOON, TOMORROW, World

HOME = "/v1/feeds/home"
Page = dict[str, Any]


class Shown(NamedTuple):
    """A list, the ids on it in its order, and how another item comes to its begin, and one of it goes."""

    path: str
    ids: list[str]
    comes: Callable[[], Awaitable[str]]
    goes: Callable[[str], Awaitable[None]]


async def home(world: World, reader: UserId) -> Shown:
    ana = await world.person("ana")
    await world.follow(reader, ana)
    photos = [await world.photo(ana, reader) for _ in range(9)]
    return Shown(HOME, photos[::-1], lambda: world.photo(ana, reader, reveal_at=NOON), world.delete)  # type: ignore[arg-type]


async def cold_home(world: World, reader: UserId) -> Shown:
    """Its list is lost: outboxes tell."""
    shown = await home(world, reader)
    ana = await world.person("ana")
    await world.redis.rpush(view.outbox(ana), *shown.ids)
    await world.redis.delete(view.feed(reader), view.sealed(reader))

    async def comes() -> str:
        photo = await shown.comes()
        await world.redis.lpush(view.outbox(ana), photo)
        return photo

    return shown._replace(comes=comes)


async def grid(world: World, reader: UserId) -> Shown:
    ana = await world.person("ana")
    photos = [await world.photo(ana) for _ in range(9)]
    return Shown(f"/v1/users/{ana}/photos", photos[::-1], lambda: world.photo(ana, reveal_at=NOON), world.delete)  # type: ignore[arg-type]


async def roll(world: World, reader: UserId) -> Shown:
    ana = await world.person("ana")
    found = await world.roll(ana, reader)
    photos = [await world.photo(ana, roll=found) for _ in range(9)]

    async def comes() -> str:
        """The reader's own, which waits for its reveal."""
        return await world.photo(reader, roll=found, reveal_at=TOMORROW)

    return Shown(f"/v1/rolls/{found}/photos", photos[::-1], comes, world.delete)  # type: ignore[arg-type]


async def comments(world: World, reader: UserId) -> Shown:
    """Here what is new comes last; before the first there is never more."""
    ana = await world.person("ana")
    photo = await world.photo(ana)
    said = [await world.comment(ana, photo) for _ in range(9)]

    async def goes(comment: str) -> None:
        await world.delete_comment(photo, comment)  # type: ignore[arg-type]

    async def comes() -> str:
        return ""

    return Shown(f"/v1/photos/{photo}/comments", [*said], comes, goes)


async def followers(world: World, reader: UserId) -> Shown:
    """An older account may come to follow later."""
    people = sorted([await world.person(f"p{n}") for n in range(10)], key=int)
    for other in people[1:]:
        await world.follow(other, reader)

    async def comes() -> str:
        await world.follow(people[0], reader)
        return people[0]

    async def goes(user: str) -> None:
        await world.unfollow(user, reader)  # type: ignore[arg-type]

    return Shown("/v1/users/me/followers", [*people[1:]], comes, goes)


LISTS = pytest.mark.parametrize("made", [home, cold_home, grid, roll, comments, followers])
Made = Callable[[World, UserId], Awaitable[Shown]]


async def page(world: World, reader: UserId, path: str, cursor: str | None, limit: int = 2) -> Page:
    found = await world.get(f"{path}?limit={limit}" + (f"&cursor={cursor}" if cursor else ""), reader)
    assert found.status_code == 200, found.text
    answer: Page = found.json()
    return answer


def ids(page: Page) -> list[str]:
    return [item["id"] for item in page["items"]]


def all_ids(pages: Sequence[Page], step: int = 1) -> list[str]:
    """Of all pages one after the other, each from its begin or (-1) from its end."""
    return [each for found in pages for each in ids(found)[::step]]


async def forth(world: World, reader: UserId, path: str, limit: int = 2) -> list[Page]:
    pages = [await page(world, reader, path, None, limit)]
    while pages[-1]["next_cursor"]:
        pages.append(await page(world, reader, path, pages[-1]["next_cursor"], limit))
    return pages


async def back(world: World, reader: UserId, path: str, cursor: str, limit: int = 2) -> list[Page]:
    """Pages until the cursor comes back unchanged, the last of them without items."""
    pages = list[Page]()
    while not pages or pages[-1]["prev_cursor"] != cursor:
        cursor = pages[-1]["prev_cursor"] if pages else cursor
        pages.append(await page(world, reader, path, cursor, limit))
        assert len(pages) < 100
    assert ids(pages[-1]) == []
    return pages


@LISTS
async def test_back_are_the_same_pages_in_reverse(world: World, made: Made) -> None:
    ben = await world.person("ben")
    shown = await made(world, ben)

    there = await forth(world, ben, shown.path)
    again = await back(world, ben, shown.path, there[-1]["prev_cursor"])

    assert all_ids(there) == shown.ids
    assert [ids(found) for found in again] == [*(ids(found) for found in there[-2::-1]), []]


@LISTS
async def test_a_walk_back_amid_writes_shows_each_survivor_once_and_what_is_new(world: World, made: Made) -> None:
    ben = await world.person("ben")
    shown = await made(world, ben)
    last = (await forth(world, ben, shown.path))[-1]

    first = await page(world, ben, shown.path, last["prev_cursor"])
    for gone in (shown.ids[0], shown.ids[4], ids(first)[0]):  # the first of all, one between, and the very edge
        await shown.goes(gone)
    new = await shown.comes()
    rest = await back(world, ben, shown.path, first["prev_cursor"])

    seen = all_ids([first, *rest], -1)
    between = [each for each in shown.ids[1 : shown.ids.index(ids(first)[0])] if each != shown.ids[4]]
    assert seen == [*reversed(ids(first)), *reversed(between), *filter(None, [new])]


@LISTS
async def test_the_first_page_leads_to_what_comes_later(world: World, made: Made) -> None:
    ben = await world.person("ben")
    shown = await made(world, ben)
    first = await page(world, ben, shown.path, None)
    (nothing,) = await back(world, ben, shown.path, first["prev_cursor"])

    new = await shown.comes()
    after = await page(world, ben, shown.path, first["prev_cursor"])

    assert ids(after) == [each for each in [new] if each]
    assert ids(await page(world, ben, shown.path, nothing["next_cursor"])) == ids(first)
    if new:
        assert ids(await page(world, ben, shown.path, after["next_cursor"])) == ids(first)


@LISTS
async def test_a_page_that_shows_nothing_leads_back_to_what_stands_before_it(world: World, made: Made) -> None:
    ben = await world.person("ben")
    shown = await made(world, ben)
    whole = await page(world, ben, shown.path, None, limit=8)

    await shown.goes(shown.ids[8])
    nothing = await page(world, ben, shown.path, whole["next_cursor"], limit=8)

    assert (ids(nothing), nothing["next_cursor"]) == ([], None)
    assert ids(await page(world, ben, shown.path, nothing["prev_cursor"], limit=8)) == shown.ids[:8]


async def test_a_desert_of_hidden_candidates_is_crossed_backwards_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "ROUNDS", 2)
    ana, ben = await world.person("ana"), await world.person("ben")
    await world.follow(ben, ana)
    old = await world.photo(ana, ben)
    for _ in range(260):
        await world.delete(await world.photo(ana, ben))
    new = [await world.photo(ana, ben, reveal_at=NOON) for _ in range(3)]
    pages = await forth(world, ben, HOME)

    assert all_ids(pages) == [*new[::-1], old]
    assert all_ids(await back(world, ben, HOME, pages[-1]["prev_cursor"]), -1) == new


async def test_a_page_back_never_shows_what_is_not_out_nor_that_it_is_coming(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    await world.follow(ben, ana)
    roll = await world.roll(ana, ben)
    await world.photo(ana, ben, roll=roll)
    paths = (HOME, f"/v1/users/{ana}/photos", f"/v1/rolls/{roll}/photos")
    before = {path: (await page(world, ben, path, None))["prev_cursor"] for path in paths}

    for _ in range(80):  # more than a look at the newest entries holds
        await world.photo(ana, ben, reveal_at=TOMORROW, roll=roll)

    for path, cursor in before.items():
        found = await page(world, ben, path, cursor)
        assert (ids(found), found["prev_cursor"]) == ([], cursor)


async def test_what_comes_due_among_many_that_wait_is_found_backwards(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    await world.follow(ben, ana)
    await world.photo(ana, ben, reveal_at=MORNING)
    cursor = (await page(world, ben, HOME, None))["prev_cursor"]
    due = [await world.photo(ana, ben, reveal_at=TOMORROW) for _ in range(80)]

    world.now[0] = TOMORROW

    assert all_ids(await back(world, ben, HOME, cursor, limit=30), -1) == due
