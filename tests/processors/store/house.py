"""A store of projections, and what it says; the next record goes to its next place in the log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from processors.intents import Intent
from processors.processor import Effects, Store
from schemas.ids import PhotoId, UserId
from tests import builders as a
from tests.twins.projections import Value


class Questions(Protocol):
    async def views(self) -> dict[str, Value]: ...

    async def feed(self, reader: UserId) -> list[PhotoId]: ...


class Clock:
    """Stands at noon until a test moves it."""

    def __init__(self) -> None:
        self.now = a.NOON

    def __call__(self) -> datetime:
        return self.now


class House:
    """A store, what it says, and the next place in the log."""

    def __init__(self, store: Store, answers: Questions, clock: Clock) -> None:
        self.store, self.answers, self.clock = store, answers, clock
        self._end = 0

    async def do(self, *intents: Intent) -> Effects:
        """One more record whose rule wants these."""
        effects = Effects(a.an_origin(self._end), intents)
        self._end += 1
        await self.store.apply([effects])
        return effects

    async def again(self, *effects: Effects) -> None:
        await self.store.apply(effects)

    async def view(self, key: str) -> Value | None:
        return (await self.answers.views()).get(key)

    async def feed(self, reader: UserId) -> Sequence[PhotoId]:
        return await self.answers.feed(reader)
