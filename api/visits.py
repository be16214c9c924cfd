"""Pages that were read lately, with all that was asked for them: while the views say the same, the page is the same.

Whoever reads a page again is answered in one round trip. It asks everything that was asked last time, the session among
it, at once. Where all answers are the same bytes, and no time has come meanwhile that the page depends on, the page is
what it was. Else it is made anew, from those answers whose questions turn out to be asked again: a wrong guess costs a
second round trip, and shows nothing that is not so.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar, cast

from api.shards import as_a_problem, together
from api.visit import CURRENT, Exchange, Server, Visit
from api.wire import SEAM, SEAM_TOLD

REMEMBERED = 500  # pages, some 50 kB each

Clock = Callable[[], datetime]
T = TypeVar("T")


class Kept:
    """A page, and by server what was asked for it and told; `until` as in `Visit`."""

    __slots__ = ("_asked", "_told", "answer", "until")

    def __init__(self, exchanges: Sequence[Exchange], until: float, answer: object) -> None:
        self.answer, self.until = answer, until
        by_server: dict[Server, list[Exchange]] = {}
        for each in exchanges:
            by_server.setdefault(each.server, []).append(each)
        self._asked = {server: SEAM.join([each.asked for each in some]) for server, some in by_server.items()}
        self._told = [SEAM_TOLD.join([each.told for each in some]) for some in by_server.values()]

    async def again(self) -> list[bytes]:
        """What each server says now. Raises what `Wire` raises."""
        if len(self._asked) == 1:
            ((server, asked),) = self._asked.items()
            return [await server.ask_raw(asked)]
        return await together(server.ask_raw(asked) for server, asked in self._asked.items())

    def holds(self, told: Sequence[bytes], now: datetime) -> bool:
        """Whether it is the page of these answers, too."""
        return told == self._told and now.timestamp() < self.until

    def parted(self, told: Sequence[bytes]) -> Iterator[Exchange]:
        """Each question with its own answers among these."""
        for (server, asked), answers in zip(self._asked.items(), told, strict=True):
            for each in zip(asked.split(SEAM), answers.split(SEAM_TOLD), strict=True):
                yield Exchange(server, *each)


class Visits:
    """Forgets what was not read for longest. Belongs to one process, and to nobody else."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._remembered = remembered

    async def visit(self, page: Hashable, clock: Clock, make: Callable[[], Awaitable[T]]) -> T:
        """The page, which is for one token and address; `make` makes it anew and says how long it holds."""
        last = self._kept.get(page)
        if last is None:
            return await self._made(page, Visit(), clock, make)
        with as_a_problem:
            told = await last.again()
        if last.holds(told, clock()):
            self._kept.move_to_end(page)
            return cast(T, last.answer)
        return await self._made(page, Visit(last.parted(told)), clock, make)

    async def _made(self, page: Hashable, visit: Visit, clock: Clock, make: Callable[[], Awaitable[T]]) -> T:
        self._kept.pop(page, None)
        before = CURRENT.set(visit)
        try:
            answer = await make()
        finally:
            CURRENT.reset(before)
        if clock().timestamp() < visit.until:
            self._kept[page] = Kept(visit.exchanges, visit.until, answer)
            if len(self._kept) > self._remembered:
                self._kept.popitem(last=False)
        return answer
