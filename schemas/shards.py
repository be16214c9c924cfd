"""The table of buckets: which Redis holds which of the 64, as the setting `REDIS_URL` says it.

One address holds all of them; else every bucket stands in it exactly once: `0-31=redis://a:6379/0,32-63=redis://b:6379/0`.
Keys without a bucket (`epoch`, `progress:<processor>`) stand on every server: each says it of what it holds itself.
A bucket may move while traffic runs: the server that gave it away says to whom, and `Routes` knows it from then on.
"""

import re
from collections.abc import Mapping

import msgspec

from schemas.ids import BUCKETS

ALL = range(BUCKETS)
SCHEMES = ("redis://", "rediss://")
_ENTRY = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?=(rediss?://[^\s,]+)")


class TableError(ValueError):
    """The text gives no table; the message says what is wrong, and never repeats an address: it may hold a password."""


class Table(msgspec.Struct, frozen=True):
    """`homes[n]` is the place in `servers` of the Redis that holds bucket n; every server holds some bucket."""

    servers: tuple[str, ...]
    homes: tuple[int, ...]

    def of(self, bucket: int) -> str:
        """The address of the bucket's server."""
        return self.servers[self.homes[bucket]]

    def buckets(self, server: int) -> list[int]:
        """The buckets which that server holds."""
        return [bucket for bucket in ALL if self.homes[bucket] == server]

    def text(self) -> str:
        """As `REDIS_URL` says it."""
        if len(self.servers) == 1:
            return self.servers[0]
        runs = [bucket for bucket in ALL if bucket == 0 or self.homes[bucket] != self.homes[bucket - 1]]
        ends = [*(start - 1 for start in runs[1:]), BUCKETS - 1]
        return ",".join(f"{_span(first, last)}={self.of(first)}" for first, last in zip(runs, ends, strict=True))


def table(text: str) -> Table:
    """The table that this text says; `TableError` unless every bucket has exactly one server."""
    if text.startswith(SCHEMES):
        return _of([text] * BUCKETS)
    owners: list[str | None] = [None] * BUCKETS
    for number, entry in enumerate(text.split(","), 1):
        first, last, url = _entry(number, entry.strip())
        for bucket in range(first, last + 1):
            if owners[bucket] is not None:
                raise TableError(f"bucket {bucket} is given twice; expected every bucket 0..{BUCKETS - 1} once")
            owners[bucket] = url
    missing = [bucket for bucket in ALL if owners[bucket] is None]
    if missing:
        raise TableError(f"bucket {missing[0]} has no server; expected every bucket 0..{BUCKETS - 1} once")
    return _of([owner or "" for owner in owners])


def moved(before: Table, bucket: int, to: str) -> Table:
    """The table once `bucket` is on the server `to`."""
    return _of([to if each == bucket else before.of(each) for each in ALL])


def followed(given: Table, moves: Mapping[str, Mapping[str, str]]) -> Table:
    """The table once every bucket is where it moved to: what each server (by address) says of buckets it gave away.

    A server that is asked nothing yet is not in `moves`: ask it, and follow again, until nothing changes.
    """
    owners = [given.of(each) for each in ALL]
    for bucket in ALL:
        seen = {owners[bucket]}
        while (to := moves.get(owners[bucket], {}).get(str(bucket))) and to not in seen:
            seen.add(to)
            owners[bucket] = to
    return _of(owners)


class Routes(msgspec.Struct, frozen=True):
    """Where every bucket is, as far as servers have told: `table` is what `followed` makes of `given` and `said`.

    `said` is, by address, a server's hash `moved` as it last told it. What was asked by older routes is to be asked
    again when an answer tells something else than they know: it may come from where a bucket no longer is.
    """

    given: Table
    table: Table
    said: Mapping[str, Mapping[str, str]] = {}

    @property
    def servers(self) -> tuple[str, ...]:
        """Whom to ask what moved: those that hold buckets, and those of the settings, which may have given all away."""
        return tuple(dict.fromkeys((*self.given.servers, *self.table.servers)))

    @property
    def unheard(self) -> tuple[str, ...]:
        """Those of them that have told nothing yet."""
        return tuple(url for url in self.servers if url not in self.said)

    def knows(self, moves: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether these servers say what they said before; one that gave nothing away need not have been heard."""
        return all(self.said.get(url, {}) == moved for url, moved in moves.items())

    def after(self, moves: Mapping[str, Mapping[str, str]]) -> "Routes":
        """The routes once these servers have told this."""
        said = {**self.said, **moves}
        return Routes(self.given, followed(self.given, said), said)


def routes(text: str) -> Routes:
    """Those of the settings, before any server is asked; `TableError` as of `table`."""
    given = table(text)
    return Routes(given, given)


def _of(owners: list[str]) -> Table:
    servers = tuple(dict.fromkeys(owners))
    return Table(servers, tuple(servers.index(owner) for owner in owners))


def _entry(number: int, entry: str) -> tuple[int, int, str]:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise TableError(f"entry {number} is not a server; expected redis://host:port/0, or <first>-<last>=redis://...")
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last < BUCKETS:
        raise TableError(f"entry {number} holds buckets {first}-{last}; expected some of 0..{BUCKETS - 1}")
    return first, last, found[3]


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
