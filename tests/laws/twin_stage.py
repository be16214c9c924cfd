"""The same stage with the twins of `tests/twins` as workers; what they say is written to the server that api reads.

So the twins, which other tests believe, keep the laws too. They have no steps to die between, and no lists to lose.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas import projections, tails
from schemas.ids import UserId
from schemas.projections import Processor
from tests import builders as a
from tests.laws.stage import PROCESSORS, Record, Stage, effects
from tests.twins.projections import ProjectionsTwin, Value


@dataclass
class TwinStage(Stage):
    twins: dict[Processor, ProjectionsTwin] = field(default_factory=dict)

    async def _empty(self) -> None:
        await super()._empty()
        self.twins = {name: ProjectionsTwin(lambda: a.FAR) for name in PROCESSORS}  # every photo: readers tell the time

    async def crash(self, processor: Processor, records: Sequence[Record], after: int) -> None:
        """It dies before it began."""

    async def lose_feed(self, reader: UserId, lists: str) -> None:
        """The twin has no lists."""

    async def tend(self, after: int) -> None:
        """And none to build."""

    async def thaw(self, processor: Processor, number: int, count: int) -> None:
        end = self.reached[processor][number]
        late = [r for r in self.log if r.origin.partition == number and end - count <= r.origin.offset < end]
        await self._carry_out(processor, late)

    async def _carry_out(self, processor: Processor, records: Sequence[Record]) -> None:
        await self.twins[processor].apply([effects(processor, record) for record in records])
        await self._tell()

    async def _tell(self) -> None:
        """All keys anew."""
        pipe = self.redis.pipeline(transaction=False)
        pipe.flushdb()
        await pipe.execute()
        await self.sign_in()
        for key, value in (await self.twins["views"].views()).items():
            _write(pipe, key, value)
        for reader in self.people:
            pipe.rpush(projections.feed(reader), *await self.twins["feeds"].feed(reader), tails.SENTINEL)
            pipe.rpush(projections.sealed(reader), tails.SENTINEL)
        await pipe.execute()


def _write(pipe: Any, key: str, value: Value) -> None:
    if isinstance(value, dict):
        pipe.hset(key, mapping=value)
    elif isinstance(value, set):
        pipe.sadd(key, *value)
    elif isinstance(value, list):
        pipe.zadd(key, dict.fromkeys(value, 0))
    else:
        pipe.set(key, value)
