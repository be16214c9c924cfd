"""How a route is declared, and what it is asked. A route without a policy cannot be written.

A resource file declares `ROUTES` and one function per route from `Asked` to an answer; it never sees a request.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from api import cursor
from api.load import Shed
from api.load_watch import LoadWatch
from api.log import Log
from api.objects import Objects
from api.projections import Projections
from api.telemetry import Telemetry
from api.warehouse import Warehouse
from schemas.ids import UserId
from schemas.projections import Processor

# everything under /v1 is somebody's view; who may see an item is visibility.py's affair
Policy = Literal["signed_in", "operator", "moderator"]  # who is one of these say OPERATORS and MODERATORS
Target = Literal["trace", "user", "photo", "roll", "conversation"]
Clock = Callable[[], datetime]

PAGED = ("limit", "cursor")


@dataclass(frozen=True, kw_only=True)
class Room:
    """The doors and the clock; `app.py` opens them."""

    projections: Projections
    load: LoadWatch
    objects: Objects
    warehouse: Warehouse
    log: Log
    operators: frozenset[str]
    moderators: frozenset[str]
    telemetry: Telemetry
    clock: Clock
    cursor_secret: bytes


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that was read, signed in and let through.

    The page begins beyond `position`: after it in the list's own order or, when `is_back`, before it. `shed`: what this
    answer leaves out; a short page's `limit` is lower than the one that was `wanted`.
    """

    room: Room
    endpoint: str
    reader: UserId
    now: datetime
    target: str = ""
    parameters: dict[str, str]
    limit: int
    position: str | None
    is_back: bool = False
    carried: str = ""  # what all cursors of this walk carry behind their position
    session: str = ""  # a hash that is the same as long as the reader is signed in
    wanted: int = 0
    shed: tuple[Shed, ...] = ()

    def cursor(self, position: str | None, *, is_back: bool = False) -> str | None:
        """The cursor of the page after `position`, or before it, if there is one."""
        if position is None:
            return None
        place = cursor.place(position + self.carried, is_back=is_back)
        return cursor.cursor(self.room.cursor_secret, self.endpoint, self.reader, place)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What a paged answer has besides its items.

    `next_cursor`: of the page that follows; null on the last one. `prev_cursor`: of the page before this one, which on
    the first page will hold what appears there from now on. Follow it until it comes back as you sent it: that is the
    begin of the list for now. Null only where there is no item yet to stand before.
    """

    next_cursor: str | None = None
    prev_cursor: str | None = None

    def degraded(self, shed: Sequence[Shed]) -> Sequence[Shed]:
        """What the page lacks, of what is shed."""
        return shed


@dataclass(frozen=True, kw_only=True)
class Route:
    """A GET under /v1. `behind`: the processors whose views it reads, which X-Read-After waits for.

    `sheds`: what its answers do without under load, besides the length of pages. `is_kept`: who reads it again is
    answered as `api/visits.py` says; whatever else than views its answer depends on says how long it holds.
    """

    path: str
    answer: Callable[[Asked], Awaitable[msgspec.Struct]]
    gives: object  # a Struct or a union of them
    policy: Policy
    behind: tuple[Processor, ...] = ()
    target: Target | None = None
    parameters: tuple[str, ...] = ()
    sheds: tuple[Shed, ...] = ()
    is_kept: bool = False

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.answer.__doc__ or "").strip().split("\n")[0]

    def endpoint(self, target: str) -> str:
        """The path with its id: what cursors are bound to."""
        return self.path.replace(f"{{{self.target}}}", target)
