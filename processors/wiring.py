"""What a processor's doors are made with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from schemas.facts import Fact
from schemas.projections import Processor as ProcessorName
from schemas.settings import Settings


@dataclass(frozen=True)
class Wiring:
    """Given to the `store` and `known` of a row in `agents.py` when its app is made.

    `append` puts a fact into the log and returns when Kafka has it.
    """

    settings: Settings
    processor: ProcessorName
    append: Callable[[Fact], Awaitable[None]]
    clock: Callable[[], datetime]
