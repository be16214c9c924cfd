"""The servers of the table of buckets, each behind one connection; every question goes to the server of its bucket."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, TypeVar

from api.wire import Away, Command, Slow, Wire, pack
from schemas import shards
from schemas.problems import refusal
from schemas.projections import MOVED, Key, bucket_of_key
from schemas.shards import Routes

Piece = tuple[int, bytes, int]  # bucket, packed questions about it, how many they are
T = TypeVar("T")


class Shards:
    """Belongs to the event loop it is first used in. Raises what `Wire` raises when any server concerned is away."""

    def __init__(self, text: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._met: dict[str, Wire] = {}
        self._take(shards.routes(text))

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in order; the second word of a command is its key."""
        if len(self.wires) == 1:
            return await self.wires[0].ask(commands)
        return await self._spread([(bucket_of_key(Key(str(each[1]))), pack((each,)), 1) for each in commands])

    async def ask_packed(self, pieces: Sequence[Piece]) -> list[Any]:
        """The answers to all questions of all pieces, in order."""
        if len(self.wires) == 1:
            return await self.wires[0].ask_packed(b"".join([each[1] for each in pieces]), sum(p[2] for p in pieces))
        return await self._spread(pieces)

    async def everywhere(self, commands: Sequence[Command]) -> list[list[Any]]:
        """What each server answers to these: for keys without a bucket, which stand on all of them."""
        if len(self.wires) == 1:
            return [await self.wires[0].ask(commands)]
        return await together(wire.ask(commands) for wire in self.wires)

    async def both(self, commands: Sequence[Command], of_all: Sequence[Command]) -> tuple[list[Any], list[list[Any]]]:
        """`ask` and `everywhere` in one round trip; again when a bucket has moved to another server meanwhile."""
        while True:
            routes = self._routes  # another request may hear of a move while this one waits
            found, each = await self._both(commands, (*of_all, ("HGETALL", MOVED)))
            moves = {url: said[-1] for url, said in each.items()}
            if routes.knows(moves):
                return found, [each[url][:-1] for url in routes.table.servers]
            self._take(self._routes.after(moves))

    async def _both(self, commands: Sequence[Command], of_all: Sequence[Command]) -> tuple[list[Any], dict[str, Any]]:
        """The second by address; asked of servers, too, that gave all of their buckets away."""
        asked = self._asked
        if len(asked) == 1:
            ((url, wire),) = asked.items()
            found = await wire.ask((*commands, *of_all))
            return found[: len(commands)], {url: found[len(commands) :]}
        found, *each = await together((self.ask(commands), *(wire.ask(of_all) for wire in asked.values())))
        return found, dict(zip(asked, each, strict=True))

    def _take(self, routes: Routes) -> None:
        for url in routes.servers:
            if url not in self._met:
                self._met[url] = Wire(url, self._timeout_s)
        self._routes = routes
        self._asked = {url: self._met[url] for url in routes.servers}
        self.wires = tuple(self._met[url] for url in routes.table.servers)

    @property
    def is_cut_off(self) -> bool:
        """Whether any server is away, or so slow that it is left alone."""
        return any(wire.circuit.is_open for wire in self.wires)

    def close(self) -> None:
        """Give the connections back."""
        for wire in self._met.values():
            wire.close()

    async def _spread(self, pieces: Sequence[Piece]) -> list[Any]:
        mine: dict[int, list[int]] = {}
        homes = self._routes.table.homes
        for place, (bucket, _, _) in enumerate(pieces):
            mine.setdefault(homes[bucket], []).append(place)
        asked = (_ask(self.wires[n], [pieces[place] for place in places]) for n, places in mine.items())
        answers: list[list[Any]] = [[] for _ in pieces]
        for places, found in zip(mine.values(), await together(asked), strict=True):
            at = 0
            for place in places:
                answers[place] = found[at : at + pieces[place][2]]
                at += pieces[place][2]
        return [answer for some in answers for answer in some]


def _ask(wire: Wire, pieces: Sequence[Piece]) -> Awaitable[list[Any]]:
    return wire.ask_packed(b"".join([packed for _, packed, _ in pieces]), sum(wanted for _, _, wanted in pieces))


class AsAProblem:
    """Views that do not answer are the problem `unavailable`. A generator as context costs a microsecond more."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        if isinstance(error, (Away, Slow)):
            raise refusal("unavailable", "the views do not answer; try again", retry_after_s=1) from error


as_a_problem = AsAProblem()


async def together(questions: Iterable[Awaitable[T]]) -> list[T]:
    """Their answers, once each has one: a question may not be left behind when another raises."""
    ended = await asyncio.gather(*questions, return_exceptions=True)
    found = list[T]()
    for each in ended:
        if isinstance(each, BaseException):
            raise each
        found.append(each)
    return found
