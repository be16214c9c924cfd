"""When a photo is revealed: decided once, at capture, from its roll's `develop` and time zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DEFAULT_DEVELOP = "09:00"
MAX_DELAY = timedelta(days=7)

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_DELAY = re.compile(r"([1-9]\d{0,5})([smh])")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(?:/[A-Za-z0-9_+\-]+){0,2}")


def zone(name: str) -> ZoneInfo | None:
    """The IANA time zone called `name`; None when there is none."""
    if len(name) > 64 or not _ZONE.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def delay(develop: str) -> timedelta | None:
    """The delay in "10s", "5m", "2h"; None when it is not one, or longer than a week."""
    if not (found := _DELAY.fullmatch(develop)):
        return None
    length = int(found[1]) * _UNITS[found[2]]
    return length if length <= MAX_DELAY else None


def clock(develop: str) -> time | None:
    """The local time in "09:00"; None when it is not one."""
    return time(int(found[1]), int(found[2])) if (found := _CLOCK.fullmatch(develop)) else None


def reveal_at(develop: str, tz: ZoneInfo, now: datetime, *, opened_at: datetime) -> datetime:
    """The next develop time after `now`, in UTC and whole seconds (a photo's id carries no more).

    A delay repeats from the roll's opening, as a local time repeats every day: what is taken between two develop times
    is revealed together. `ValueError` when `develop` is neither of them: rolls are opened with nothing else.
    """
    if length := delay(develop):
        opened = opened_at.replace(microsecond=0)
        return opened + ((now - opened) // length + 1) * length
    if (at := clock(develop)) is None:
        raise ValueError(f"develop is {develop!r}; expected HH:MM or a delay such as 10s")
    today = now.astimezone(tz).date()
    instants = (instant(today + timedelta(days=days), at, tz) for days in (-1, 0, 1, 2))
    return next(found for found in instants if found > now)


def instant(day: date, at: time, tz: ZoneInfo) -> datetime:
    """The instant at which clocks in `tz` show `at` on `day`.

    A time that occurs twice is the first of the two; one that is skipped is the first instant after the gap.
    """
    first = datetime.combine(day, at, tz).astimezone(UTC)
    if first.astimezone(tz).replace(tzinfo=None) == datetime.combine(day, at):
        return first
    return _after_gap(datetime.combine(day, at, tz), tz)


def _after_gap(local: datetime, tz: ZoneInfo) -> datetime:
    """The instant of the jump: PEP 495 reads a skipped time with the offset before it (fold 0) or after it (fold 1)."""
    before, after = local.replace(fold=1).astimezone(UTC), local.replace(fold=0).astimezone(UTC)
    offset = before.astimezone(tz).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(tz).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
