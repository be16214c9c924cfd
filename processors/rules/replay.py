"""What a replay of the log must agree on with the live views, and what may differ for a reason. Pure.

Not compared, because it says when something was read or written, not what is true: whether a feed is materialised
(`feeds` drops those nobody opens), whether a photo stands in it as revealed or still as sealed, what lies below where
a feed or an outbox is complete, which authors are pulled and whether their photos were pushed besides; watermarks,
progress, and every key that is not the processor's own.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from schemas import tails
from schemas.ids import PhotoId, UserId
from schemas.projections import Key, Processor, feed, sealed

Owner = Literal["feeds", "views", "metrics", "ingest", "api", "guards"]


class Kind(msgspec.Struct, frozen=True):
    """What stands between the bucket and the id of a key: whose it is, and what people call it."""

    owner: Owner
    says: str


KINDS: Mapping[str, Kind] = {
    "f": Kind("feeds", "feeds"),
    "s": Kind("feeds", "sealed lists"),
    "fs": Kind("feeds", "followers by bucket"),
    "o": Kind("feeds", "outboxes"),
    "pulled": Kind("feeds", "pulled authors"),
    "u": Kind("views", "profiles"),
    "fg": Kind("views", "following"),
    "fr": Kind("views", "followers"),
    "rq": Kind("views", "follow requests"),
    "bk": Kind("views", "blocks"),
    "bb": Kind("views", "blocked by"),
    "mu": Kind("views", "mutes"),
    "up": Kind("views", "photos of a user"),
    "ur": Kind("views", "rolls of a user"),
    "n": Kind("views", "user names"),
    "r": Kind("views", "rolls"),
    "rm": Kind("views", "members"),
    "rx": Kind("views", "removed members"),
    "rp": Kind("views", "photos of a roll"),
    "i": Kind("views", "invites"),
    "p": Kind("views", "cards"),
    "lk": Kind("views", "likers"),
    "co": Kind("views", "comments of a photo"),
    "cd": Kind("views", "deleted comments"),
    "cm": Kind("views", "comments"),
    "vm": Kind("views", "members of a conversation"),
    "vo": Kind("views", "messages of a conversation"),
    "vs": Kind("views", "messages of a member"),
    "vt": Kind("views", "messages"),
    "vr": Kind("views", "read marks"),
    "vi": Kind("views", "conversations of a user"),
    "re": Kind("views", "reports"),
    "reported": Kind("views", "reported photos"),
    "pw": Kind("views", "passwords"),
    "se": Kind("views", "sessions"),
    "ss": Kind("views", "sessions of a user"),
    "fa": Kind("views", "what facts made"),
    "m": Kind("metrics", "minutes"),
    "act": Kind("metrics", "active people"),
    "seq": Kind("ingest", "sequences"),
    "nl": Kind("ingest", "leases of names"),
    "cl": Kind("ingest", "leases of commands"),
    "opened": Kind("api", "who opened a feed"),
    "cold": Kind("api", "who found a cold feed"),
    "wm": Kind("guards", "watermarks"),
}  # fmt: skip
SECRET = {"pw", "se", "ss", "i"}  # what stands there, or in the name of the key, is not printed
WITH_ANOTHER = {"s", "pulled"}  # compared with the feed; not at all
SHOWN = 5  # members of each side


class Held(msgspec.Struct, frozen=True):
    """What a key holds. `until_ms` is -1 when it does not expire."""

    type: str
    value: str | Mapping[str, str] | Collection[str]  # of a list or sorted set in order; else a set
    until_ms: int = -1


Unit = tuple[Key, ...]  # what is one answer, and so compared as one: a key, or the two lists of a feed
Values = Sequence[Held | None]  # of a unit's keys


def code(key: Key) -> str:
    """What stands between the bucket and the id."""
    return key[6:].partition(":")[0]


def units(keys: Iterable[Key], processor: Processor) -> list[Unit]:
    """What of these keys is compared, and replaced, for this processor; a kind that nobody declared is left alone."""
    own = {kind for kind, each in KINDS.items() if each.owner == processor} - WITH_ANOTHER
    return [_unit(key) for key in keys if code(key) in own]


def _unit(key: Key) -> Unit:
    if code(key) != "f":
        return (key,)
    reader = UserId(key.rpartition(":")[2])
    return feed(reader), sealed(reader)


def same(unit: Unit, live: Values, replayed: Values, loose: Collection[str] = ()) -> bool | None:
    """Whether both answer the same; None when the feed is cold on one side: it is answered from outboxes.

    `loose` are photos of pulled authors, which may stand in a feed or not.
    """
    match code(unit[0]):
        case "f":
            return _same_feed(live, replayed, loose)
        case "o":
            return _same_outbox(live[0], replayed[0])
        case _:
            return live == replayed


# --- feeds ------------------------------------------------------------------------------------------------------------


def _same_feed(live: Values, replayed: Values, loose: Collection[str]) -> bool | None:
    if _is_cold(live) or _is_cold(replayed):
        return None
    if not (_in_order(live) and _in_order(replayed)):
        return False
    floor = max(_floor(live), _floor(replayed))
    return _photos(live, floor, loose) == _photos(replayed, floor, loose)


def _is_cold(values: Values) -> bool:
    """One of the lists is not there, or is being built."""
    entries = [_entries(held) for held in values]
    return not all(entries) or tails.floor(entries[0][-1]) is None


def _floor(values: Values) -> int:
    return tails.floor(_entries(values[0])[-1]) or 0


def _photos(values: Values, floor: int, loose: Collection[str]) -> set[PhotoId]:
    """Of both lists: which of them a photo stands in says only when it was written."""
    entries = (entry for held in values for entry in _entries(held)[:-1])
    return {PhotoId(entry) for entry in entries if int(entry) >= floor and entry not in loose}


def _in_order(values: Values) -> bool:
    """Newest first, each once, up to the tail."""
    lists = [_entries(held)[:-1] for held in values]
    if not all(entry.isdecimal() for each in lists for entry in each):
        return False
    return all(int(high) > int(low) for each in lists for high, low in pairwise(each))


def _entries(held: Held | None) -> list[str]:
    return list(held.value) if held is not None and held.type == "list" else []


def _same_outbox(live: Held | None, replayed: Held | None) -> bool:
    """Lists that were trimmed are compared as far as both are complete; when that was, says nothing."""
    if not (_entries(live) and _entries(replayed)):
        return live == replayed
    (mine, from_one), (other, from_another) = tails.trimmed(_entries(live)), tails.trimmed(_entries(replayed))
    floor = max(from_one, from_another)
    return [photo for photo in mine if int(photo) >= floor] == [photo for photo in other if int(photo) >= floor]


# --- what is said of a difference -------------------------------------------------------------------------------------


def told(unit: Unit, live: Values, replayed: Values) -> str:
    """The key, and what stands on one side only; of secrets nothing but the kind."""
    if code(unit[0]) in SECRET:
        return f"{unit[0][:6]}{code(unit[0])}:...  differ (not shown)"
    lines = [f"{key}  {_parted(*both)}" for key, *both in zip(unit, live, replayed, strict=True) if both[0] != both[1]]
    return "\n".join(lines)


def _parted(live: Held | None, replayed: Held | None) -> str:
    if live is None or replayed is None:
        return f"live {_shown(live)}; replayed {_shown(replayed)}"
    mine, other = _members(live), _members(replayed)
    only = [
        f"only {side}: {_some(sorted(a - b))}"
        for side, a, b in (("live", mine, other), ("replayed", other, mine))
        if a - b
    ]
    if live.type != replayed.type:
        only.append(f"live is a {live.type}, replayed a {replayed.type}")
    if live.until_ms != replayed.until_ms:
        only.append(f"live expires at {live.until_ms}, replayed at {replayed.until_ms}")
    return "; ".join(only) or "another order"


def _shown(held: Held | None) -> str:
    return "(nothing)" if held is None else _some(sorted(_members(held)))


def _members(held: Held) -> set[str]:
    if isinstance(held.value, str):
        return {held.value}
    if isinstance(held.value, Mapping):
        return {f"{field}={value}" for field, value in held.value.items()}
    return set(held.value)


def _some(members: Sequence[str]) -> str:
    more = f" and {len(members) - SHOWN} more" if len(members) > SHOWN else ""
    return ", ".join(members[:SHOWN]) + more
