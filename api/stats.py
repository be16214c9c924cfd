"""GET /v1/stats: what happens now (Redis) and what happened (BigQuery). Totals only: no person stands in them."""

from datetime import date, datetime, timedelta

import msgspec

from api.asked import days
from api.routes import Asked, Route

LIVE_MINUTES = 15
DEFAULT_DAYS = 30
MAX_DAYS = 90


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of the minute that began `at`: `events:<name>` and `facts:<type>`."""

    at: datetime
    counts: dict[str, int]


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The last fifteen minutes, the current one first, and how many people were active this UTC day (within 0.81 %)."""

    now: datetime
    minutes: tuple[Minute, ...]
    active_today: int


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day of one app in one country, as `marts.daily_activity_v1` has it."""

    day: date
    app: str
    country: str | None
    events: int
    active_users: int


class Daily(msgspec.Struct, frozen=True, kw_only=True):
    """Days from the oldest to the newest."""

    items: tuple[Day, ...]


async def live(asked: Asked) -> Live:
    """What the last minutes received, and how many people were active today."""
    minutes = await asked.room.projections.minutes(asked.now, LIVE_MINUTES)
    active = await asked.room.projections.active_today(asked.now)
    found = tuple(Minute(at=at, counts=counts) for at, counts in minutes)
    return Live(now=asked.now.replace(microsecond=0), minutes=found, active_today=active)


async def daily(asked: Asked) -> Daily:
    """Activity by day, app and country, from the warehouse; `days` back from today (UTC)."""
    back = days(asked.parameters.get("days"), DEFAULT_DAYS, MAX_DAYS)
    today = asked.now.date()
    rows = await asked.room.warehouse.daily(today - timedelta(days=back - 1), today)
    return Daily(items=tuple(msgspec.convert(row, Day) for row in rows))


ROUTES = (
    Route(path="/v1/stats/live", answer=live, gives=Live, policy="signed_in", behind=("metrics",)),
    Route(path="/v1/stats/daily", answer=daily, gives=Daily, policy="signed_in", parameters=("days",)),
)
