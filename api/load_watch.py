"""The door to how loaded we are: twice a second it measures the loop's delay and Redis' answer to a PING."""

import asyncio
from time import thread_time

from api.load import Load, Shed, strain
from api.projections import Projections
from api.telemetry import Telemetry
from schemas.problems import Refusal

BEAT_S = 0.5


class LoadWatch:
    """`shed` says at any time what is to be left out; nothing, until `run` has seen reasons. `bound_s` 0: never."""

    def __init__(self, projections: Projections, telemetry: Telemetry, bound_s: float, beat_s: float = BEAT_S) -> None:
        self.load = Load()
        self._projections, self._telemetry = projections, telemetry
        self._bound_s, self._beat_s = bound_s, beat_s

    @property
    def shed(self) -> tuple[Shed, ...]:
        """What is left out of answers now."""
        return self.load.shed

    async def run(self) -> None:
        """Until cancelled. The PING is also what finds out that Redis is back when nobody else asks."""
        loop = asyncio.get_running_loop()
        while True:
            due, before = loop.time() + self._beat_s, thread_time()
            await asyncio.sleep(self._beat_s)
            lag = max(0.0, loop.time() - due)
            worked = thread_time() - before
            self.load = self.load.after(strain(lag, worked, await self._answer_s(), self._bound_s))
            self._telemetry.loaded(lag, self.load.level, self._projections.is_cut_off)

    async def _answer_s(self) -> float:
        """How long Redis took; when it is away that says nothing about load: the circuit is in charge."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await self._projections.is_up()
        except Refusal:
            return 0.0 if self._projections.is_cut_off else loop.time() - began
        return loop.time() - began
