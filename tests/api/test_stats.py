from dataclasses import replace
from datetime import date, timedelta
from time import perf_counter
from typing import Any

import pytest

from api.warehouse import Warehouse, open_warehouse
from schemas import projections as view
from schemas.settings import Settings
from tests.api.world import NOON, World


class Rows:
    """A twin of the warehouse door: what it is asked for, and rows it was given."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = rows
        self.asked: list[tuple[date, date]] = []

    async def daily(self, first: date, last: date) -> list[dict[str, Any]]:
        self.asked.append((first, last))
        return list(self.rows)


async def test_live_has_the_last_fifteen_minutes_and_todays_people(world: World) -> None:
    ana = await world.person("ana")
    await world.redis.hset(view.minute(NOON), mapping={"events:Photo Opened": 3, "facts:UserFollowed": 1})
    await world.redis.hset(view.minute(NOON - timedelta(minutes=14)), "events:App Opened", "5")
    await world.redis.hset(view.minute(NOON - timedelta(minutes=15)), "events:App Opened", "9")
    await world.redis.pfadd(view.active(NOON), "ana", "bob", "ana")

    live = (await world.get("/v1/stats/live", ana)).json()

    assert live["now"] == "2026-11-21T12:00:00Z"
    assert live["active_today"] == 2
    assert [minute["at"] for minute in live["minutes"]][::14] == ["2026-11-21T12:00:00Z", "2026-11-21T11:46:00Z"]
    counts = [minute["counts"] for minute in live["minutes"]]
    assert counts == [{"events:Photo Opened": 3, "facts:UserFollowed": 1}, *[{}] * 13, {"events:App Opened": 5}]


async def test_live_waits_for_metrics(world: World) -> None:
    ana = await world.person("ana")
    await world.redis.hset(view.progress("metrics"), "events.v1:0", "1")

    answer = await world.get("/v1/stats/live", ana, x_read_after="events.v1:0:0")

    assert "stale" not in answer.json()


@pytest.mark.parametrize(("query", "first"), [("", date(2026, 10, 23)), ("?days=1", date(2026, 11, 21))])
async def test_daily_asks_for_days_up_to_today(world: World, query: str, first: date) -> None:
    ana = await world.person("ana")
    rows = Rows({"day": first, "app": "ios", "country": "PT", "events": 12, "active_users": 3})

    answer = await with_warehouse(world, rows).get(f"/v1/stats/daily{query}", ana)

    assert rows.asked == [(first, NOON.date())]
    day = {"day": first.isoformat(), "app": "ios", "country": "PT", "events": 12, "active_users": 3}
    assert answer.json() == {"items": [day]}


@pytest.mark.parametrize("days", ["0", "91", "x", ""])
async def test_daily_goes_back_ninety_days_at_most(world: World, days: str) -> None:
    ana = await world.person("ana")

    answer = await world.get(f"/v1/stats/daily?days={days}", ana)

    assert (answer.status_code, answer.json()["code"]) == (422, "bad_value")


async def test_a_warehouse_that_is_away_is_a_quick_503(world: World) -> None:
    ana = await world.person("ana")
    away = open_warehouse(Settings(warehouse_emulator="127.0.0.1:9:9"))  # the discard port: nobody listens
    started = perf_counter()

    answer = await with_warehouse(world, away).get("/v1/stats/daily", ana)

    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "5")
    assert perf_counter() - started < 4  # it did not wait for its timeout, which is 5
    away.close()


async def test_more_questions_than_threads_are_told_to_come_back(world: World) -> None:
    ana = await world.person("ana")
    busy = open_warehouse(Settings(warehouse_emulator="127.0.0.1:9:9"))
    for _ in range(4):
        await busy.free.acquire()

    answer = await with_warehouse(world, busy).get("/v1/stats/daily", ana)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    busy.close()


def with_warehouse(world: World, warehouse: Warehouse | Rows) -> World:
    """The same world read through another warehouse."""
    return world.through(replace(world.room, warehouse=warehouse))  # type: ignore[arg-type]  # the twin has all that is used
