"""Compares a live view with its shadow while everything runs.

Every key is compared as it stands; what differs may only be on its way. So those keys are looked at again behind a
fence, with the shadow as far as the live view, and only what differs at each of a few such looks does differ: between
two of them a worker ends the batch that it had half applied.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from processors.rules import replay
from processors.rules.replay import KINDS, Unit, Values, code
from processors.stores.shadow import Positions, Side, chunks
from schemas import projections
from schemas.ids import UserId
from schemas.projections import Processor
from schemas.shards import ALL

LOOKS = 3
PAUSE_S = 1.0  # longer than a worker waits that was refused a few times
AT_ONCE = 500  # keys behind one fence: workers wait for milliseconds

CatchUp = Callable[[Positions], Awaitable[None]]
Both = tuple[Values, Values]  # live, replayed


@dataclass
class Comparison:
    """What was found, by kind of key."""

    compared: Counter[str] = field(default_factory=Counter)
    cold: Counter[str] = field(default_factory=Counter)
    differing: dict[Unit, Both] = field(default_factory=dict)


@dataclass
class Differ:
    """One processor's view. `catch_up` brings the shadow to these positions."""

    processor: Processor
    live: Side
    shadow: Side
    catch_up: CatchUp
    pause_s: float = PAUSE_S

    async def compare(self) -> Comparison:
        """Both sides, all keys."""
        await self.catch_up(await self.live.positions(self.processor))
        found, loose = Comparison(), await self._loose()
        async for units in self.live.units(self.processor):
            await self._add(found, units, loose)
        async for units in self.shadow.units(self.processor):
            there = await self.live.values([unit[0] for unit in units])
            await self._add(found, [unit for unit, held in zip(units, there, strict=True) if held is None], loose)
        found.differing = await self._settled(found.differing)
        return found

    async def _add(self, found: Comparison, units: Sequence[Unit], loose: set[str]) -> None:
        for unit, (verdict, both) in (await self._looked(units, loose)).items():
            kind = KINDS[code(unit[0])].says
            (found.cold if verdict is None else found.compared)[kind] += 1
            if verdict is False:
                found.differing[unit] = both

    async def _settled(self, differing: dict[Unit, Both]) -> dict[Unit, Both]:
        """Those that differ at every look."""
        for look in range(LOOKS):
            await asyncio.sleep(self.pause_s if look and differing else 0)
            again: dict[Unit, Both] = {}
            for some in chunks(list(differing), AT_ONCE):
                again |= await self._behind_a_fence(some)
            differing = again
        return differing

    async def _behind_a_fence(self, units: Sequence[Unit]) -> dict[Unit, Both]:
        await self.catch_up(await self.live.positions(self.processor))
        async with self.live.fenced(self.processor, ALL):
            await self.catch_up(await self.live.positions(self.processor))
            looked = await self._looked(units, await self._loose())
        return {unit: both for unit, (verdict, both) in looked.items() if verdict is False}

    async def _looked(self, units: Sequence[Unit], loose: set[str]) -> dict[Unit, tuple[bool | None, Both]]:
        keys = [key for unit in units for key in unit]
        mine = dict(zip(keys, await self.live.values(keys), strict=True))
        other = dict(zip(keys, await self.shadow.values(keys), strict=True))
        found = {unit: ([mine[key] for key in unit], [other[key] for key in unit]) for unit in units}
        return {unit: (replay.same(unit, *both, loose), both) for unit, both in found.items()}

    async def _loose(self) -> set[str]:
        """Photos of authors who are pulled on either side."""
        if self.processor != "feeds":
            return set()
        pulled = [projections.pulled(number) for number in ALL]
        authors = {UserId(author) for side in (self.live, self.shadow) for author in await _members(side, pulled)}
        outboxes = [projections.outbox(author) for author in sorted(authors)]
        return {photo for side in (self.live, self.shadow) for photo in await _members(side, outboxes)}


async def _members(side: Side, keys: Sequence[projections.Key]) -> set[str]:
    """Of these sets or lists together."""
    return {member for held in await side.values(keys) if held is not None for member in held.value}


def report(found: Comparison, show: int) -> str:
    """Counts by kind, then some of the differences."""
    differ = Counter(KINDS[code(unit[0])].says for unit in found.differing)
    rows = [("kind", "compared", "cold", "differ")]
    for kind in sorted({*found.compared, *found.cold}):
        rows.append((kind, f"{found.compared[kind]:,}", f"{found.cold[kind]:,}", f"{differ[kind]:,}"))
    lines = [f"{kind:24}{compared:>12}{cold:>12}{differs:>12}" for kind, compared, cold, differs in rows]
    lines += [replay.told(unit, *both) for unit, both in list(found.differing.items())[:show]]
    if (more := len(found.differing) - show) > 0:
        lines.append(f"and {more:,} more")
    return "\n".join([*lines, f"{len(found.differing):,} differ"])
