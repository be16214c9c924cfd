"""Law 26: answers get shorter under load, say so, and show nothing else; and a Redis that is slow costs nobody long."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from time import perf_counter
from typing import Any

import pytest

from api.load import SHORT, Load
from api.load_watch import LoadWatch
from schemas.ids import UserId
from tests.api.world import World, open_world
from tests.faults.proxy import Proxy, a_proxy
from tests.spread import spread
from tests.valkey import Valkey, running_valkey

HOME = "/v1/feeds/home"
COUNTS = ("likes", "comments", "you_like")
TRIES = 600  # half a minute; catches a hang


def shed(world: World, level: int) -> None:
    world.room.load.load = Load(level)


async def a_full_feed(world: World) -> tuple[UserId, UserId, list[str]]:
    """A reader, whom they follow, and what stands in the reader's feed."""
    ana, ben = await world.person("ana"), await world.person("ben")
    await world.follow(ben, ana)
    photos = [await world.photo(ana, ben) for _ in range(12)]
    await world.like(ben, photos[3])
    return ben, ana, [*photos[::-1]]


def uncounted(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**item, **dict.fromkeys(COUNTS)} for item in page["items"]]


async def test_without_load_nothing_is_said_of_it(world: World) -> None:
    ben, _, _ = await a_full_feed(world)

    assert "degraded" not in (await world.get(HOME, ben)).json()


async def test_counts_go_and_all_else_stays(world: World) -> None:
    ben, ana, _ = await a_full_feed(world)
    roll = await world.roll(ana, ben)
    paths = (HOME, f"/v1/users/{ana}/photos", f"/v1/users/{ana}", f"/v1/rolls/{roll}")
    whole = {path: (await world.get(path, ben)).json() for path in paths}
    photo = whole[HOME]["items"][0]

    shed(world, 2)

    for path in (HOME, f"/v1/users/{ana}/photos"):
        page = (await world.get(path, ben)).json()
        assert page.pop("degraded") == ["counters"]
        assert page == {**whole[path], "items": uncounted(whole[path])}
    for path in (f"/v1/users/{ana}", f"/v1/rolls/{roll}"):
        assert (await world.get(path, ben)).json() == {**whole[path], "photos": None, "degraded": ["counters"]}
    alone = (await world.get(f"/v1/photos/{photo['id']}", ben)).json()
    assert alone == {**photo, **dict.fromkeys(COUNTS), "degraded": ["counters"]}


async def test_pages_get_short_and_their_cursors_lead_on(world: World) -> None:
    ben, ana, photos = await a_full_feed(world)
    for path in (HOME, f"/v1/users/{ana}/photos"):
        shed(world, 3)
        first = await world.get(f"{path}?limit=8", ben)
        shed(world, 0)
        second = await world.get(first.links["next"]["url"], ben)

        assert first.json()["degraded"] == ["counters", "length"]
        assert [item["id"] for item in first.json()["items"]] == photos[:SHORT]
        assert [item["id"] for item in second.json()["items"]] == photos[SHORT:], "as long as it was asked for"
        assert [item["id"] for item in (await world.get(second.links["prev"]["url"], ben)).json()["items"]] == photos[
            :SHORT
        ]


async def test_what_is_short_anyway_is_not_called_shortened(world: World) -> None:
    ben, ana, _ = await a_full_feed(world)
    shed(world, 3)

    assert (await world.get(f"{HOME}?limit={SHORT}", ben)).json()["degraded"] == ["counters"]
    assert "degraded" not in (await world.get(f"/v1/users/{ana}/followers?limit={SHORT}", ben)).json()
    assert (await world.get(f"/v1/users/{ana}/followers", ben)).json()["degraded"] == ["length"]
    assert "degraded" not in (await world.get("/v1/stats/live", ben)).json()


async def test_what_is_hidden_since_stays_hidden_under_load(world: World) -> None:
    ben, ana, photos = await a_full_feed(world)
    assert await world.items(HOME, ben) == photos  # cards are remembered now

    shed(world, 3)
    await world.delete(photos[1])  # type: ignore[arg-type]
    assert await world.items(HOME, ben) == [photos[0], *photos[2:6]]
    await world.block(ana, ben)
    assert await world.items(HOME, ben) == []


async def test_what_is_shed_is_counted(world: World) -> None:
    ben, _, _ = await a_full_feed(world)
    shed(world, 3)
    await world.get(HOME, ben)
    world.room.telemetry.loaded(0.2, 3, is_cut_off=True)

    page = (await world.get("/metrics", None)).text

    for line in (
        'degraded_total{room="api",what="counters"} 1.0',
        'degraded_total{room="api",what="length"} 1.0',
        'load_level{room="api"} 3.0',
        'circuit_state{to="redis"} 1.0',
    ):
        assert line in page


# --- a Redis that is slow or away -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with running_valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def proxy(server: Valkey) -> Iterator[Proxy]:
    with a_proxy(("127.0.0.1", int(server.url.rpartition(":")[2].partition("/")[0]))) as proxy:
        yield proxy


@pytest.fixture
async def slowed(server: Valkey, proxy: Proxy) -> AsyncIterator[World]:
    """Read through the proxy, and written past it. A patient reader: a stalled machine is no slow Redis."""
    redis = spread(server.url)
    await redis.flushdb()
    world = open_world(redis, f"redis://127.0.0.1:{proxy.port}/0", timeout_ms=1_000)
    await world.complete()
    yield world
    await world.close()
    await redis.aclose()


async def comes_to(watch: LoadWatch, level: int) -> None:
    for _ in range(TRIES):
        if watch.load.level == level:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the load is {watch.load}; expected level {level}")


async def test_a_slow_redis_sheds_and_a_quick_one_brings_everything_back(slowed: World, proxy: Proxy) -> None:
    watch = LoadWatch(slowed.room.projections, slowed.room.telemetry, bound_s=0.2, beat_s=0.01)
    watching = asyncio.create_task(watch.run())

    proxy.rule("answers", latency_s=0.7)
    await comes_to(watch, 3)
    proxy.heal()
    await comes_to(watch, 0)
    watching.cancel()

    assert b"loop_lag_seconds" in slowed.room.telemetry.page()


async def test_a_silent_redis_costs_the_first_readers_a_timeout_and_later_ones_nothing(
    slowed: World, proxy: Proxy
) -> None:
    ana = await slowed.person("ana")
    assert (await slowed.get(HOME, ana)).status_code == 200

    proxy.rule("answers", swallowed=True)
    began = perf_counter()
    first = await asyncio.gather(*(slowed.get(HOME, ana) for _ in range(50)))
    together = perf_counter() - began
    while not slowed.room.projections.is_cut_off:
        await slowed.get(HOME, ana)
    began = perf_counter()
    later = [await slowed.get(HOME, ana) for _ in range(30)]

    assert {each.status_code for each in (*first, *later)} == {503}
    assert {each.headers["retry-after"] for each in later} == {"1"}
    assert together < 20, "fifty seconds, were they to wait one after the other"
    assert perf_counter() - began < 15, "thirty seconds, were they asked; as it is, one in a second is"

    proxy.heal()
    proxy.reset()
    for _ in range(TRIES):
        if (await slowed.get(HOME, ana)).status_code == 200:
            break
        await asyncio.sleep(0.05)
    assert not slowed.room.projections.is_cut_off


async def test_a_redis_that_pauses_is_noticed_by_few(slowed: World, server: Valkey) -> None:
    """The real server's own pause, shorter than a reader's patience: late, and right."""
    ana = await slowed.person("ana")
    await slowed.redis.client_pause(300)

    answers = await asyncio.gather(*(slowed.get(HOME, ana) for _ in range(10)))

    assert {each.status_code for each in answers} == {200}
    assert not slowed.room.projections.is_cut_off
