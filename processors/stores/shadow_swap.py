"""Puts what a replay made into the place of the live view, while everything runs.

Bucket by bucket behind a fence, once the shadow holds everything that the bucket does. The bucket keeps its own
watermarks: what the shadow knows beyond them comes again, and changes nothing. So it may die between any two keys: with
the fence gone what is done is right, and what is not is as it was; the same command again does the rest.

`feeds` reads other buckets while it writes one, so a hole in one would spread before that is mended: all wait.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from processors.rules.replay import Unit
from processors.stores.moving import copied
from processors.stores.shadow import Side
from processors.stores.shadow_diff import CatchUp
from schemas import projections
from schemas.ids import UserId, bucket
from schemas.projections import Processor
from schemas.shards import ALL

# Both lists at once, for a reader between the two could miss a photo. A feed that is cold stays so.
BOTH = """
if redis.call('EXISTS', KEYS[1], KEYS[2]) < 2 then return 0 end
for n = 1, 2 do redis.call('RESTORE', KEYS[n], 0, ARGV[n], 'REPLACE') end
return 1
"""


@dataclass
class Swap:
    """One processor's view. `catch_up` brings the shadow to these positions."""

    processor: Processor
    live: Side
    shadow: Side
    catch_up: CatchUp
    say: Callable[[str], None]
    replaced: int = field(default=0)
    removed: int = field(default=0)

    async def swap(self) -> None:
        """Everything that is the processor's stands in the live view as the replay made it."""
        for buckets in [ALL] if self.processor == "feeds" else [[number] for number in ALL]:
            await self.catch_up(await self.live.positions(self.processor))
            async with self.live.fenced(self.processor, buckets):
                await self.catch_up(await self.live.positions(self.processor, buckets))
                await self._bucket(buckets)
            self.say(f"swapped bucket {buckets[-1]}: {self.replaced:,} replaced, {self.removed:,} removed")

    async def _bucket(self, buckets: Collection[int]) -> None:
        if self.processor == "feeds":
            await self._pull()
        async for units in self.shadow.units(self.processor, buckets):
            await self._replace(units)
        async for units in self.live.units(self.processor, buckets):
            await self._remove(units)

    async def _pull(self) -> None:
        """Whoever is pulled anywhere is pulled everywhere, their own bucket last: merging them once more is no harm."""
        keys = [projections.pulled(number) for number in ALL]
        held = [*await self.live.values(keys), *await self.shadow.values(keys)]
        authors = sorted({UserId(author) for each in held if each is not None for author in each.value})
        homes = {author: projections.pulled(bucket(author)) for author in authors}
        for author in authors:
            for key in sorted(keys, key=lambda key, last=homes[author]: key == last):  # type: ignore[misc]
                await self.live.home(key).sadd(key, author)

    async def _replace(self, units: Sequence[Unit]) -> None:
        for source, target, some in self._routes(units):
            self.replaced += await copied([unit[0].encode() for unit in some if len(unit) == 1], source, target)
            self.replaced += await _feeds([unit for unit in some if len(unit) == 2], source, target)

    async def _remove(self, units: Sequence[Unit]) -> None:
        """What the log does not account for."""
        for unit, is_whole in zip(units, await self.shadow.whole(units), strict=True):
            if not is_whole:
                self.removed += await self.live.home(unit[0]).unlink(*unit)

    def _routes(self, units: Sequence[Unit]) -> list[tuple[Any, Any, list[Unit]]]:
        """From which server to which one."""
        routes: dict[tuple[int, int], tuple[Any, Any, list[Unit]]] = {}
        for unit in units:
            source, target = self.shadow.home(unit[0]), self.live.home(unit[0])
            routes.setdefault((id(source), id(target)), (source, target, []))[2].append(unit)
        return list(routes.values())


async def _feeds(units: Sequence[Unit], source: Any, target: Any) -> int:
    """How many were there and are replaced."""
    asked = source.pipeline(transaction=False)
    for key in (key for unit in units for key in unit):
        asked.dump(key)
    dumps = iter(await asked.execute())
    given = target.pipeline(transaction=False)
    for unit, revealed, sealed in zip(units, dumps, dumps, strict=False):
        if revealed is not None and sealed is not None:
            given.eval(BOTH, 2, *unit, revealed, sealed)
    return sum(await given.execute())
