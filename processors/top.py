"""`python -m processors top`: what happens now, as text: counts of the last minutes, and how far the processors are.

Two figures say how far: records behind what is committed to Kafka, and behind the watermark that the store itself keeps
(Redis only). After a crash the first may be larger; when the second is, the store has lost something.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from processors import lag
from processors.agents import PROCESSORS
from processors.lag import Partition, Place
from processors.stores.projections import Projections
from schemas import projections as view
from schemas.settings import Settings

TITLE = "minute"
CLEAR = "\x1b[2J\x1b[H"  # the terminal's own words for: clear, and go home

Counts = Mapping[str, int]
Say = Callable[[str], None]


async def watch(
    settings: Settings, minutes: int, every_s: float | None, clock: Callable[[], datetime], say: Say
) -> None:
    """Prints the page once, or again and again until interrupted."""
    store = Projections("metrics", settings.redis_url, clock)
    await store.open()
    try:
        while True:
            page = await shown(store, settings, minutes, clock())
            say(f"{CLEAR}{page}" if every_s else page)
            if not every_s:
                return
            await asyncio.sleep(every_s)
    finally:
        await store.close()


async def shown(store: Projections, settings: Settings, minutes: int, now: datetime) -> str:
    """The page of this moment."""
    starts = [now.replace(second=0, microsecond=0) - timedelta(minutes=ago) for ago in range(minutes)]
    hashes = await store.hashes([view.minute(start) for start in starts])
    counts = {start: {name: int(n) for name, n in found.items()} for start, found in zip(starts, hashes, strict=True)}
    people = await store.sketched(view.active(now))
    told = await store.reached([processor.name for processor in PROCESSORS])
    marks: dict[str, Mapping[Partition, int]] = {
        processor.name: _offsets(fields) for processor, fields in zip(PROCESSORS, told, strict=True)
    }
    places = await asyncio.to_thread(lag.places, settings, list(marks))
    return "\n".join(
        [f"{people} people active on {now:%Y-%m-%d} (UTC)", "", counted(counts), "", progress(places, marks)]
    )


def counted(counts: Mapping[datetime, Counts]) -> str:
    """One line per kind of record, one column per minute, the newest first."""
    names = sorted({name for found in counts.values() for name in found})
    width = max(map(len, [*names, TITLE])) + 2
    heads = TITLE.ljust(width) + "".join(f"{start:%H:%M}".rjust(9) for start in counts)
    rows = [_row(name.ljust(width), [found.get(name, 0) for found in counts.values()]) for name in names]
    return "\n".join([heads, *(rows or ["(nothing came)"])])


def _row(name: str, counts: Sequence[int]) -> str:
    return name + "".join(str(count).rjust(9) for count in counts)


def progress(places: Mapping[str, Mapping[Partition, Place]], marks: Mapping[str, Mapping[Partition, int]]) -> str:
    """One line per processor and topic: records behind by either figure, and the partition that is furthest behind."""
    lines = [f"{'processor':12}{'topic':20}{'committed':>10}{'watermark':>10}  furthest behind"]
    for name, found in places.items():
        for topic in sorted({topic for topic, _ in found}):
            mine = {number: place for (of, number), place in found.items() if of == topic}
            marked = {number: mark for (of, number), mark in marks.get(name, {}).items() if of == topic}
            lines.append(
                f"{name:12}{topic:20}{_behind(mine):>10}{_unmarked(mine, marked):>10}  {_worst(mine)}".rstrip()
            )
    return "\n".join(lines)


def _behind(places: Mapping[int, Place]) -> int:
    return sum(place.behind for place in places.values())


def _unmarked(places: Mapping[int, Place], marks: Mapping[int, int]) -> str:
    """Records that the store's watermark has not passed; a dash where it keeps none."""
    if not marks:
        return "-"
    return str(sum(max(0, place.end - marks.get(number, 0)) for number, place in places.items()))


def _worst(places: Mapping[int, Place]) -> str:
    number = max(places, key=lambda number: places[number].behind)
    return f"partition {number} by {places[number].behind}" if places[number].behind else ""


def _offsets(fields: Mapping[str, int]) -> dict[Partition, int]:
    """Next offset by partition, from `topic:partition`."""
    split = ((field.rpartition(":"), offset) for field, offset in fields.items())
    return {(topic, int(number)): offset for (topic, _, number), offset in split}
