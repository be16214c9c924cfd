"""Records that were taken and given back unacknowledged, and what must wait for them.

Faust reads them again (after a rebalance, from the committed offset). Until it has, later records of the partition that
were already on their way must not pass: they would break the order, and their acknowledgement could be committed over
the hole.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakSet


class GivenBack:
    """The holes of one processor, and messages that a rewind made void."""

    def __init__(self) -> None:
        self._holes: dict[Any, tuple[int, int]] = {}  # partition -> (lowest offset given back, generation)
        self._void: WeakSet[Any] = WeakSet()

    def add(self, messages: Iterable[Any]) -> None:
        """These were not finished."""
        for message in messages:
            lowest, generation = self._holes.get(message.tp, (message.offset, message.generation_id))
            if generation != message.generation_id:
                lowest = message.offset
            self._holes[message.tp] = (min(lowest, message.offset), message.generation_id)

    def void(self, messages: Iterable[Any]) -> None:
        """A rewind brings these again: whatever became of them does not count, nor do older holes."""
        self._holes.clear()
        self._void.update(messages)

    def is_void(self, message: Any) -> bool:
        """Whether the message was on its way when its partition was rewound."""
        return message in self._void

    def blocks(self, messages: Sequence[Any]) -> bool:
        """Whether one of these must wait for an earlier one. Fills the holes that they fill."""
        for message in messages:
            hole = self._holes.get(message.tp)
            if hole is None:
                continue
            lowest, generation = hole
            if generation == message.generation_id and message.offset > lowest:
                return True
            del self._holes[message.tp]
        return False
