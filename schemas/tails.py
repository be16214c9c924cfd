"""How lists of photo ids in Redis end, newest first as they are, and what that says of them.

A feed and its sealed list end with `SENTINEL`: they exist, so the feed is not cold. A feed or an outbox that was
trimmed ends with `-<id>`: it is complete for ids from that one on. A feed that is being built is complete for none: it
ends with `-` and a number above all ids, another one for each builder.
"""

from collections.abc import Sequence
from typing import cast

from schemas.ids import MAX_SECONDS, PhotoId

SENTINEL = "0"
NO_ID = MAX_SECONDS << 32


def complete_from(floor: int) -> str:
    """The tail of a feed that is complete for ids from `floor` on; 0: of all times."""
    return f"-{floor}" if floor else SENTINEL


def being_built(builder: int) -> str:
    """The tail of a feed on which this builder works; `builder` is below 2^31."""
    return f"-{NO_ID + 1 + builder}"


def floor(tail: str | None) -> int | None:
    """The smallest id for which the feed that ends with `tail` is complete; None when it is for none: it is cold."""
    if tail is None or not (tail == SENTINEL or tail.startswith("-")) or -int(tail) >= NO_ID:
        return None
    return -int(tail)


def trimmed(entries: Sequence[str]) -> tuple[Sequence[PhotoId], int]:
    """The photos of an outbox, and the id from which on they are all of the author's; 0: of all times."""
    if entries and entries[-1].startswith("-"):
        return cast(Sequence[PhotoId], entries[:-1]), -int(entries[-1])
    return cast(Sequence[PhotoId], entries), 0
