"""What one request asks of the views, question by question, and what it was told before it asked.

A page that was read before asks the same again, as a rule: so its questions are sent all at once (`api/visits.py`),
and each takes its answer from there when it turns out to be asked again. An answer is used once, by the very same
question to the very same server, and was given after the request came: nothing older than the request is ever shown.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from datetime import datetime
from math import inf
from typing import NamedTuple, Protocol


class Server(Protocol):
    """Whoever answers: `api/wire.py`."""

    async def ask_raw(self, packed: bytes) -> bytes:
        """The answers as they came."""
        ...


class Exchange(NamedTuple):
    """Some questions to a server and its answers, both as RESP."""

    server: Server
    asked: bytes
    told: bytes


class Visit:
    """One request. The same answers give the same page before `until` (Unix seconds)."""

    def __init__(self, told: Iterable[Exchange] = ()) -> None:
        self.exchanges = list[Exchange]()
        self.until = inf
        self._told = list(told)

    async def ask(self, server: Server, asked: bytes) -> bytes:
        """The answers, told before or asked for now."""
        found = self._known(server, asked) or Exchange(server, asked, await server.ask_raw(asked))
        self.exchanges.append(found)
        return found.told

    def _known(self, server: Server, asked: bytes) -> Exchange | None:
        """The first one, as a rule: questions come in the order in which they came before."""
        for place, each in enumerate(self._told):
            if each.server is server and each.asked == asked:
                return self._told.pop(place)
        return None


CURRENT: ContextVar[Visit | None] = ContextVar("visit", default=None)


def holds_until(moment: datetime) -> None:
    """Says that what this request is answered depends on the time, and is another one from `moment` on."""
    if visit := CURRENT.get():
        visit.until = min(visit.until, moment.timestamp())


def holds_once() -> None:
    """Says that this answer is for this request alone."""
    if visit := CURRENT.get():
        visit.until = -inf
