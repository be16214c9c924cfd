"""The table of buckets: which Redis holds which of the 64, as the setting `REDIS_URL` says it.

One address holds all of them; else every bucket stands in it exactly once: `0-31=redis://a:6379/0,32-63=redis://b:6379/0`.
Keys without a bucket (`epoch`, `progress:<processor>`) stand on every server: each says it of what it holds itself.
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
