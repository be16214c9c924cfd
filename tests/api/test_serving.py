"""X-Read-After, and views that are away."""

import asyncio
from time import perf_counter

import pytest

from schemas import projections as view
from schemas.projections import Processor
from tests.api.world import PATIENCE_MS, World, open_world


async def passed(world: World, *processors: Processor, offset: int) -> None:
    """These processors have applied every record below `offset` of facts.v1:3."""
    for name in processors:
        await world.redis.hset(view.progress(name), "facts.v1:3", str(offset))


async def test_a_read_waits_until_the_views_have_passed_the_record(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await passed(world, "views", offset=7)
    reading = asyncio.create_task(world.get(f"/v1/users/{ana}", bob, x_read_after="facts.v1:3:7"))

    await asyncio.sleep(0.1)
    assert not reading.done()
    await world.follow(bob, ana)
    await passed(world, "views", offset=8)

    answer = await reading
    assert answer.json()["you_follow"] is True
    assert "x-stale" not in answer.headers


async def test_home_waits_for_feeds_and_views(world: World) -> None:
    ana = await world.person("ana")
    await passed(world, "views", offset=8)
    reading = asyncio.create_task(world.get("/v1/feeds/home", ana, x_read_after="facts.v1:3:7"))

    await asyncio.sleep(0.1)
    assert not reading.done()
    await passed(world, "feeds", offset=8)

    assert "stale" not in (await reading).json()


async def test_after_a_second_the_read_answers_and_says_it_may_be_stale(world: World) -> None:
    ana = await world.person("ana")
    started = perf_counter()

    answer = await world.get("/v1/users/me", ana, x_read_after="facts.v1:3:7")

    assert 0.8 < perf_counter() - started < 5  # a busy machine's; quiet, it is 1
    assert (answer.status_code, answer.json()["stale"], answer.headers["x-stale"]) == (200, True, "1")


async def test_a_session_that_was_just_made_is_waited_for(world: World) -> None:
    ana = await world.person("ana")
    key = next(iter(await world.redis.keys("*:se:*")))
    await world.redis.delete(key)
    reading = asyncio.create_task(world.get("/v1/users/me", ana, x_read_after="credentials.v1:0:5"))

    await asyncio.sleep(0.1)
    await world.redis.set(key, ana)
    await world.redis.hset(view.progress("views"), "credentials.v1:0", "6")

    assert (await reading).status_code == 200


async def test_a_position_of_no_topic_is_refused(world: World) -> None:
    ana = await world.person("ana")

    answer = await world.get("/v1/users/me", ana, x_read_after="elsewhere:0:1")

    assert (answer.status_code, answer.json()["code"]) == (422, "bad_value")


@pytest.mark.parametrize("path", ["/v1/feeds/home", "/ready"])
async def test_views_that_are_away_are_a_quick_503(world: World, path: str) -> None:
    ana = await world.person("ana")
    away = open_world(world.redis, "redis://127.0.0.1:9/0")  # the discard port: nobody listens
    started = perf_counter()

    answer = await away.get(path, ana)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert perf_counter() - started < PATIENCE_MS / 1000  # it did not wait for its timeout
    await away.close()


async def test_views_that_hang_are_a_503_too(world: World) -> None:
    ana = await world.person("ana")

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # and never say a word
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        hung = open_world(world.redis, f"redis://127.0.0.1:{port}/0", timeout_ms=150)
        started = perf_counter()
        answer = await hung.get("/v1/feeds/home", ana)
        await hung.close()

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert 0.15 <= perf_counter() - started < 3  # a busy machine's; quiet, it is 0.2


async def test_a_restart_of_the_views_is_not_noticed(world: World) -> None:
    ana = await world.person("ana")
    assert (await world.get("/v1/users/me", ana)).status_code == 200

    await world.redis.client_kill_filter(_type="normal", skipme=True)  # what a restart does to pooled connections

    assert (await world.get("/v1/users/me", ana)).status_code == 200
