"""Followers of authors who published lately, packed for the wire: packing them is most of what a delivery costs us.

What stands here may be old: a delivery says whether these are all the author's followers still, in the atomic step in
which it delivers, and else is done again with those who are.
"""

from collections import OrderedDict
from collections.abc import Sequence

from processors.stores.calls import Readers
from schemas.ids import UserId

MAX_READERS = 500_000  # some 100 bytes each

Packed = Sequence[Sequence[Readers]]  # by bucket, in chunks
Whose = tuple[UserId, bool]  # the author, and whether for sealed photos


class Followers:
    """Forgets who published longest ago."""

    def __init__(self, max_readers: int = MAX_READERS) -> None:
        self._found: OrderedDict[Whose, tuple[Packed, int]] = OrderedDict()
        self._left = max_readers

    def get(self, whose: Whose) -> Packed | None:
        """What was put, if it is still here."""
        if whose not in self._found:
            return None
        self._found.move_to_end(whose)
        return self._found[whose][0]

    def put(self, whose: Whose, packed: Packed) -> None:
        """Instead of what was there."""
        self.drop(whose)
        count = sum(len(chunk.ids) for chunks in packed for chunk in chunks)
        self._found[whose] = (packed, count)
        self._left -= count
        while self._left < 0:
            self.drop(next(iter(self._found)))

    def drop(self, whose: Whose) -> None:
        """It is old."""
        if found := self._found.pop(whose, None):
            self._left += found[1]
