"""Who is there and what they made, what is said into the log, and who looks then."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from schemas import facts
from schemas.facts import Fact
from schemas.ids import RollId, UserId
from tests import builders as a
from tests.laws import looks
from tests.laws.stage import MODERATOR, Stage

# Three neighbours in one bucket, so that one photo is several calls there, and two who live elsewhere.
PEOPLE = tuple(
    a.a_user(name, bucket) for name, bucket in (("ana", 8), ("ben", 7), ("cleo", 7), ("dan", 7), ("eve", 60))
)
T = TypeVar("T")


class Cast(RuleBasedStateMachine):
    """One run. `stage` and `loop` are set by whoever runs it."""

    stage: ClassVar[Stage]
    loop: ClassVar[asyncio.AbstractEventLoop]
    plays: ClassVar[int] = 0
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).plays += 1
        self.is_broken = False
        self.people: list[UserId] = []
        self.rolls: list[RollId] = []
        self.photos: list[facts.PhotoCaptured] = []
        self.made = 0
        self.do(self.stage.begin(PEOPLE))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        type(self).steps += 1
        try:
            return self.loop.run_until_complete(work)
        except BaseException:
            self.is_broken = True
            raise

    @property
    def now(self) -> datetime:
        return self.stage.now

    # --- who, what ----------------------------------------------------------------------------------------------------

    def who(self, number: int) -> UserId:
        return self.people[number % len(self.people)]

    def others(self, one: int, other: int) -> tuple[UserId, UserId]:
        """Two different people."""
        first, rest = self.who(one), [user for user in self.people if user != self.who(one)]
        return first, rest[other % len(rest)]

    def roll_of(self, number: int) -> RollId:
        return self.rolls[-1 - number % len(self.rolls)]

    def photo_of(self, number: int) -> facts.PhotoCaptured:
        return self.photos[-1 - number % len(self.photos)]

    def say(self, *said: Fact, how: str, witness: int) -> None:
        """Into the log; then, unless it is late, through the processors; then two people look."""
        for fact in said:
            self.stage.append(fact)
        if how != "later":
            self.do(self.stage.catch_up("views"))
        if how == "at once":
            self.do(self.stage.catch_up("feeds"))
        for reader in {said[0].by, self.who(witness)} - {MODERATOR}:
            self.do(self.glance(reader, said[0]))

    async def glance(self, reader: UserId, fact: Fact) -> None:
        await looks.home(self.stage, reader)
        if self.stage.is_quiet():
            await looks.lists(self.stage, reader)
        if isinstance(fact, facts.PhotoFact | facts.ModerationFact):
            await looks.photo(self.stage, reader, fact.photo)
            await looks.moderated(self.stage, fact.photo)
        elif isinstance(fact, facts.RollFact):
            await looks.roll_photos(self.stage, reader, fact.roll)
        else:
            await looks.person(self.stage, reader, getattr(fact, "whom", fact.by))
