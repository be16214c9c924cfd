"""The dead-letter cap: a bad deploy must not empty a topic into the dead letters."""

from collections import deque
from collections.abc import Iterable, Mapping

from schemas.topics import Origin

WINDOW = 1_000  # records; below that many a share says nothing
DEAD_IN_WINDOW = 10  # 1 %
DEAD_IN_A_ROW = 100  # on one partition

Outcome = tuple[Origin, bool]  # the record, and whether it went to the dead letters


class CapReached(Exception):
    """Too many dead letters: the processor stops, and reads again from `back_to` when it is started again.

    Where it came from says what is wrong: the first dead letter of each partition. Without going back, every restart
    would let another hundred records go.
    """

    def __init__(self, why: str, back_to: Mapping[tuple[str, int], int]) -> None:
        super().__init__(why)
        self.back_to = back_to


class Cap:
    """Remembers how the last records ended. Pure: `after` gives a new cap, so a batch may be tried before it counts."""

    def __init__(self, window: Iterable[Outcome] = (), rows: Mapping[tuple[str, int], tuple[int, int]] = {}) -> None:
        self._window = deque(window, maxlen=WINDOW)
        self._rows = dict(rows)  # partition -> (offset of the first dead letter in a row, how many)

    def after(self, outcomes: Iterable[Outcome]) -> "Cap":
        """The cap when these records have ended so, in this order."""
        new = Cap(self._window, self._rows)
        for origin, dead in outcomes:
            new._add(origin, dead)
        return new

    def check(self) -> None:
        """Raises `CapReached` when it is."""
        dead = [origin for origin, is_dead in self._window if is_dead]
        longest = max((count for _, count in self._rows.values()), default=0)
        if longest >= DEAD_IN_A_ROW:
            raise CapReached(f"{longest} records of one partition in a row are dead letters", self._back_to(dead))
        if len(self._window) == WINDOW and len(dead) > DEAD_IN_WINDOW:
            raise CapReached(f"{len(dead)} of the last {WINDOW} records are dead letters", self._back_to(dead))

    def _add(self, origin: Origin, dead: bool) -> None:
        self._window.append((origin, dead))
        partition = (origin.topic, origin.partition)
        if dead:
            first, count = self._rows.get(partition, (origin.offset, 0))
            self._rows[partition] = (first, count + 1)
        else:
            self._rows.pop(partition, None)

    def _back_to(self, dead: list[Origin]) -> dict[tuple[str, int], int]:
        firsts = {partition: first for partition, (first, _) in self._rows.items()}
        for origin in dead:
            partition = (origin.topic, origin.partition)
            firsts[partition] = min(origin.offset, firsts.get(partition, origin.offset))
        return firsts
