"""What a processor is: at most four functions, and the phase decides what an exception in it means.

    decode (pure) -> known (reads) -> rule (pure) -> apply (effects)

An exception in a **pure** phase means *this record is bad*: it is isolated, dead-lettered, and the batch goes on. An
exception in an **I/O** phase means *something we depend on is bad*: the batch is retried in place, for ever. Only
`Poison` says, from an I/O phase, that the store refuses particular records for good.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from processors.intents import Intent
from processors.portions import WHOLE, Portion
from schemas.projections import Processor as ProcessorName
from schemas.topics import Origin, Topic


class Record(msgspec.Struct, frozen=True):
    """A record as it stands in the log, before anyone tried to understand it."""

    origin: Origin
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]


class Effects(msgspec.Struct, frozen=True):
    """What one record's rule wants done. Empty for a record that asks for nothing, or went to the dead letters."""

    origin: Origin
    intents: tuple[Intent, ...]


class Poison(Exception):
    """The store refuses these records for good; the loop dead-letters them and applies the others again."""

    def __init__(self, refused: Mapping[Origin, str]) -> None:
        super().__init__(f"{len(refused)} records are refused for good: {dict(list(refused.items())[:3])}")
        self.refused = refused


class Store(Protocol):
    """Where a processor's effects go. One store belongs to one processor and one event loop.

    Every method may block on its server and may raise anything when that server is away: the loop retries.
    """

    async def open(self) -> None:
        """Connect. Called before the first batch, again after it raised."""

    async def progress(self) -> Mapping[tuple[str, int], int] | None:
        """Next offset by (topic, partition) that the store itself remembers, for partitions it has seen.

        None: this store keeps no such memory (Kafka's committed offset decides). When what it remembers is behind the
        committed offset, the store has lost effects (an emptied Redis, an older AOF), and the loop reads them again.
        """

    async def apply(self, effects: Sequence[Effects]) -> None:
        """Make these effects durable, in order. Applying them twice, or again after newer ones, changes nothing."""

    async def close(self) -> None:
        """Let go of connections; called once, at the end."""


class NeedsNothing(msgspec.Struct, frozen=True):
    """The `known` of a rule that needs to know nothing but its record."""


NOTHING = NeedsNothing()


async def nothing(values: Sequence[Any]) -> Sequence[NeedsNothing]:
    """The `known` phase of such rules."""
    return [NOTHING] * len(values)


Known = Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]
Rule = Callable[..., Iterable[Intent] | Awaitable[Iterable[Intent]]]


@dataclass(frozen=True)
class Processor:
    """A row of the table in `agents.py`.

    `rule` takes the decoded value, and second what `known` found for it unless `known` is `nothing`; it may be a
    coroutine function when the work is too heavy for the event loop (the film runs in a child process).
    `store` makes the store when the process starts. `window_s` and `batch` bound what is taken at once,
    `at_once` what one attempt of the store's `apply` carries: for stores that take long over records that hold much.
    """

    name: ProcessorName
    reads: tuple[Topic, ...]
    rule: Rule
    store: Callable[..., Store]
    known: Callable[..., Known] | Known = nothing
    window_s: float = 0.02
    batch: int = 100
    at_once: Portion = WHOLE
    says: str = ""
