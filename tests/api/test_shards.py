"""The views on three servers that share the buckets: whoever asks does not notice, until one of them is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from api.shards import Shards
from schemas import projections as view
from schemas.ids import bucket
from tests.api.world import MORNING, World, open_world
from tests.builders import a_user
from tests.spread import spread
from tests.valkey import Fleet, running_fleet

NAMES = ("ana", "ben", "cleo", "dan", "eve", "hal")  # of all three servers


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
async def world(fleet: Fleet) -> AsyncIterator[World]:
    redis = spread(fleet.url)
    await redis.flushdb()
    world = open_world(redis, fleet.url)
    await world.complete()
    yield world
    await world.close()
    await redis.aclose()


async def test_a_feed_of_authors_on_all_servers_is_whole_and_in_order(world: World) -> None:
    reader, *authors = [await world.person(name) for name in NAMES]
    assert {bucket(author) % 3 for author in authors} == {0, 1, 2}
    wanted = []
    for number, author in enumerate(authors * 3):
        await world.follow(reader, author)
        roll = await world.roll(author, reader, number=number)
        photo = await world.photo(author, reader, reveal_at=MORNING - timedelta(days=20 - number), roll=roll)
        await world.like(authors[0], photo)
        wanted.append(photo)

    page = (await world.get("/v1/feeds/home", reader)).json()["items"]

    assert [item["id"] for item in page] == sorted(wanted, key=int, reverse=True)
    assert {item["likes"] for item in page} == {1}
    assert {item["author"]["username"] for item in page} == set(NAMES[1:])
    assert await world.walk("/v1/feeds/home", reader) == [item["id"] for item in page]


async def test_a_cold_feed_is_answered_from_outboxes_on_all_servers(world: World) -> None:
    reader, *authors = [await world.person(name) for name in NAMES]
    await world.redis.delete(view.feed(reader), view.sealed(reader))
    photos = []
    for author in authors:
        await world.follow(reader, author)
        photos.append(await world.photo(author))
        await world.redis.rpush(view.outbox(author), photos[-1])

    assert await world.items("/v1/feeds/home", reader) == sorted(photos, key=int, reverse=True)


async def test_views_are_complete_when_those_of_every_server_are(world: World, fleet: Fleet) -> None:
    reader = await world.person("ana")
    complete = await world.get("/v1/users/me", reader)
    with Redis.from_url(fleet.servers[2].url) as server:
        server.delete(view.EPOCH)

    stale = await world.get("/v1/users/me", reader)

    assert "x-stale" not in complete.headers
    assert stale.headers["x-stale"] == "1"


async def test_a_processor_has_passed_a_record_when_every_server_says_so(world: World, fleet: Fleet) -> None:
    reader = await world.person("ana")
    await world.redis.hset(view.progress("views"), "facts.v1:0", "8")
    in_time = await world.get("/v1/users/me", reader, X_Read_After="facts.v1:0:7")
    with Redis.from_url(fleet.servers[1].url) as server:
        server.hset(view.progress("views"), "facts.v1:0", "7")

    late = await world.get("/v1/users/me", reader, X_Read_After="facts.v1:0:7")

    assert "x-stale" not in in_time.headers
    assert late.headers["x-stale"] == "1"


async def test_one_server_that_is_away_is_unavailable_and_no_fault(fleet: Fleet, world: World) -> None:
    reader, other = await world.person("ana"), await world.person("cleo")
    fleet.servers[bucket(other) % 3].kill()
    try:
        answer = await world.get(f"/v1/users/{other}", reader)
    finally:
        fleet.servers[bucket(other) % 3].start()

    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"


async def test_a_bucket_that_moved_is_found_by_the_next_request(world: World, fleet: Fleet) -> None:
    reader, other = await world.person("ana"), await world.person("ben")
    before = await world.get(f"/v1/users/{other}", reader)
    for person in (reader, other):
        _move(fleet, bucket(person), (bucket(person) + 1) % 3)

    after = await world.get(f"/v1/users/{other}", reader)

    assert (before.status_code, before.json()) == (after.status_code, after.json())
    assert "x-stale" not in after.headers


async def test_requests_that_hear_of_a_move_together_all_follow_it(tmp_path: Path) -> None:
    key = view.profile(a_user("ana", 7))
    with running_fleet(tmp_path, 2) as fleet:
        known, unknown = fleet.servers
        shards = Shards(known.url, 5.0)
        try:
            with Redis.from_url(known.url) as source, Redis.from_url(unknown.url) as target:
                source.hset(view.MOVED, "7", unknown.url)
                target.hset(key, "username", "ana")
            answers = await asyncio.gather(*(shards.both([("HLEN", key)], [("GET", view.EPOCH)]) for _ in range(3)))
        finally:
            shards.close()

    assert answers == [([1], [[None], [None]])] * 3


def _move(fleet: Fleet, number: int, to: int) -> None:
    """As `move-bucket` leaves it."""
    with Redis.from_url(fleet.servers[number % 3].url) as source, Redis.from_url(fleet.servers[to].url) as target:
        for key in source.scan_iter(match=f"{{b{number:02d}}}:*"):
            target.restore(key, 0, source.dump(key))
            source.delete(key)
        source.hset(view.MOVED, str(number), fleet.servers[to].url)
