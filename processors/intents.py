"""Intents: what rules want done, as data. Every one may be applied twice; stores see to the rest.

Views: `Save Include Exclude Insert Remove Arrive Raise Mark Point Claim Forget Until Count Sketch Tally`, each on one
key of `schemas.projections` or `schemas.conversations`.
Feeds: `Publish Withdraw Follow Unfollow`. Objects: `Put`, `Sweep`, then `Append`. Warehouse: `Row`.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from schemas.facts import Fact
from schemas.ids import PhotoId, UserId
from schemas.projections import Key
from schemas.warehouse import Table


class Save(msgspec.Struct, frozen=True):
    """Set these fields of the hash at `key`; its other fields stay. Nothing happens where it has the field `unless`."""

    key: Key
    fields: Mapping[str, str]
    unless: str | None = None


class Include(msgspec.Struct, frozen=True):
    """`member` is in the set at `key`."""

    key: Key
    member: str


class Exclude(msgspec.Struct, frozen=True):
    """`member` is not in the set at `key`."""

    key: Key
    member: str


class Insert(msgspec.Struct, frozen=True):
    """`place` stands in the sorted set at `key` (all scores 0: sorted as text)."""

    key: Key
    place: str


class Remove(msgspec.Struct, frozen=True):
    """`place` does not stand in the sorted set at `key`."""

    key: Key
    place: str


class Arrive(msgspec.Struct, frozen=True):
    """`member` stands in the sorted set at `key` by the offset of its record; of several records the first counts."""

    key: Key
    member: str


class Raise(msgspec.Struct, frozen=True):
    """`member` stands in the sorted set at `key` by `score`, unless it has a higher one."""

    key: Key
    member: str
    score: int


class Mark(msgspec.Struct, frozen=True):
    """`member` stands in the sorted set at `key` as far as `item` does at `order`, unless it is further.

    Both are of one bucket. Nothing happens where `item` never arrived.
    """

    key: Key
    member: str
    order: Key
    item: str


class Point(msgspec.Struct, frozen=True):
    """The string at `key` is `value`, until `expires_at` if that is given (in the past: the key is gone)."""

    key: Key
    value: str
    expires_at: datetime | None = None


class Claim(msgspec.Struct, frozen=True):
    """The string at `key` is `id`, unless that of a smaller id stands there: of several claims, the first made wins."""

    key: Key
    id: str


class Forget(msgspec.Struct, frozen=True):
    """There is nothing at `key`."""

    key: Key


class Until(msgspec.Struct, frozen=True):
    """There is nothing at `key` from `at` on."""

    key: Key
    at: datetime


class Count(msgspec.Struct, frozen=True):
    """`field` of the hash at `key` is `by` more; the watermark makes a second time harmless."""

    key: Key
    field: str
    by: int


class Sketch(msgspec.Struct, frozen=True):
    """The HyperLogLog at `key` has seen `members`."""

    key: Key
    members: tuple[str, ...]


class Tally(msgspec.Struct, frozen=True):
    """`field` of the hash at `key` is how many stand in `of`, less how many stand in `less`. All are of one bucket."""

    key: Key
    field: str
    of: Key
    less: Key | None = None


class Publish(msgspec.Struct, frozen=True):
    """Outbox of `author` first, then every follower's feed."""

    author: UserId
    photo: PhotoId


class Withdraw(msgspec.Struct, frozen=True):
    """`photo` leaves the outbox of `author` and every follower's feed."""

    author: UserId
    photo: PhotoId


class Follow(msgspec.Struct, frozen=True):
    """Follower set first, then backfill the reader's feed from the author's outbox."""

    reader: UserId
    author: UserId


class Unfollow(msgspec.Struct, frozen=True):
    """`reader` leaves the follower set; the author's photos leave their feed."""

    reader: UserId
    author: UserId


class Put(msgspec.Struct, frozen=True):
    """An object lies in the bucket; same key, same bytes."""

    key: str
    content_type: str
    body: bytes


class Sweep(msgspec.Struct, frozen=True):
    """No object lies in the bucket whose key begins so."""

    prefix: str


class Append(msgspec.Struct, frozen=True):
    """`fact` stands in the log; its id is derived, so a second copy is recognised."""

    fact: Fact


class Row(msgspec.Struct, frozen=True):
    """One row of `table`, without the Kafka position, which the store knows."""

    table: Table
    values: Mapping[str, object]


Scored = Arrive | Raise | Mark
Text = Point | Claim | Forget | Until
ViewIntent = Save | Include | Exclude | Insert | Remove | Scored | Text | Count | Sketch | Tally
FeedIntent = Publish | Withdraw | Follow | Unfollow
Intent = ViewIntent | FeedIntent | Put | Sweep | Append | Row
