"""A batch in portions: whole records in order, so many together that one attempt of `apply` fits into its time."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec


class Portion(msgspec.Struct, frozen=True):
    """What one attempt carries at most; a record that alone is more goes alone. 0: no limit."""

    intents: int = 0
    bytes: int = 0


WHOLE = Portion()


class Size(NamedTuple):
    """Of one record: its intents, and its bytes in the log."""

    intents: int
    bytes: int


def portions(sizes: Sequence[Size], most: Portion) -> Iterator[slice]:
    """Where each portion of records of these sizes begins and ends."""
    first = intents = size = 0
    for index, each in enumerate(sizes):
        intents, size = intents + each.intents, size + each.bytes
        if index > first and (0 < most.intents < intents or 0 < most.bytes < size):
            yield slice(first, index)
            first, intents, size = index, each.intents, each.bytes
    if sizes:
        yield slice(first, len(sizes))
