"""The rest of the state machine: time passes, everybody looks, workers lag, crash and thaw, and feeds are lost.

Which law is looked at where: `test_machine.py`.
"""

from datetime import timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from schemas.ids import UserId
from tests.laws import looks
from tests.laws.deeds import Deeds, anyone, something
from tests.laws.ranks import RankedWalk
from tests.laws.shedding import shed
from tests.laws.stage import PARTITIONS, PROCESSORS
from tests.laws.walks import Walk

orders = st.permutations(range(PARTITIONS))
processors = st.sampled_from(PROCESSORS)
seconds = st.sampled_from((0.001, 0.999, 1, 10, 3_600, 86_400))


class Play(Deeds):
    """`is_thorough` looks at everything at the end."""

    is_thorough: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.walks: list[Walk] = []
        self.ranks: list[RankedWalk] = []

    # --- time ---------------------------------------------------------------------------------------------------------

    @rule(more=seconds, reader=anyone)
    def time_passes(self, more: float, reader: int) -> None:
        self.stage.now += timedelta(seconds=more)
        self.do(looks.home(self.stage, self.who(reader)))

    @precondition(lambda self: self.photos)
    @rule(number=something, ms=st.sampled_from((-1, 0)), reader=anyone)
    def a_reveal_comes(self, number: int, ms: int, reader: int) -> None:
        """A millisecond before, or at the very instant."""
        taken = self.photo_of(number)
        self.stage.now = max(self.now, taken.reveal_at + timedelta(milliseconds=ms))
        self.do(self.glance(self.who(reader), taken))
        if taken.roll:
            self.do(looks.roll_photos(self.stage, self.who(reader), taken.roll))

    # --- reading ------------------------------------------------------------------------------------------------------

    @rule(one=anyone, other=anyone)
    def look_at_a_person(self, one: int, other: int) -> None:
        reader, user = self.who(one), self.who(other)
        self.do(looks.person(self.stage, reader, user))
        self.do(looks.grid(self.stage, reader, user))
        for path in (looks.FOLLOWERS, looks.FOLLOWING):
            self.do(looks.people(self.stage, path, reader, user))
        self.do(looks.own_lists(self.stage, reader))

    @precondition(lambda self: self.rolls)
    @rule(one=anyone, number=something)
    def look_at_a_roll(self, one: int, number: int) -> None:
        reader, roll = self.who(one), self.roll_of(number)
        self.do(looks.roll(self.stage, reader, roll))
        self.do(looks.roll_photos(self.stage, reader, roll))
        self.do(looks.people(self.stage, looks.MEMBERS, reader, roll))

    @rule(
        one=anyone,
        number=something,
        limit=st.integers(1, 3),
        path=st.sampled_from((looks.HOME, looks.HOME, looks.GRID, looks.ROLL_PHOTOS, looks.FOLLOWERS, looks.MEMBERS)),
    )
    def walk(self, one: int, number: int, limit: int, path: str) -> None:
        """The first page of many."""
        if "{roll}" in path and not self.rolls:
            return
        target = "" if path == looks.HOME else self.roll_of(number) if "{roll}" in path else self.who(number)
        self.walks.append(Walk(self.who(one), path, target, limit))
        self.do(self.walks[-1].turn(self.stage))

    @precondition(lambda self: any(not walk.is_over for walk in self.walks))
    @rule(number=something)
    def turn(self, number: int) -> None:
        going = [walk for walk in self.walks if not walk.is_over]
        self.do(going[number % len(going)].turn(self.stage))

    @precondition(lambda self: any(walk.behind for walk in self.walks))
    @rule(number=something)
    def turn_back(self, number: int) -> None:
        """Another walk, from where one has come to, towards the begin of the list."""
        going = [walk for walk in self.walks if walk.behind]
        self.walks.append(going[number % len(going)].back())
        self.do(self.walks[-1].turn(self.stage))

    @rule(one=anyone, limit=st.integers(1, 3), number=something)
    def walk_ranks(self, one: int, limit: int, number: int) -> None:
        """One walk more, or a page more of one that goes on, after what was shown last is taken back."""
        going = [walk for walk in self.ranks if not walk.is_over]
        if number % 3 == 0 or not going:
            self.ranks.append(RankedWalk(self.who(one), limit))
            going = self.ranks[-1:]
        walk = going[number % len(going)]
        if number % 2 and walk.seen:
            last = next(taken for taken in self.photos if taken.photo == walk.seen[-1])
            self.delete(self.photos[::-1].index(last), "at once", one)
        self.do(walk.turn(self.stage))

    @rule(one=anyone, number=something, level=st.integers(1, 3), path=st.sampled_from((looks.HOME, looks.GRID)))
    def look_under_load(self, one: int, number: int, level: int, path: str) -> None:
        self.do(shed(self.stage, path, self.who(one), "" if path == looks.HOME else self.who(number), level))

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    @rule(processor=processors, order=orders, reader=anyone)
    def catch_up(self, processor: Any, order: list[int], reader: int) -> None:
        """Partition after partition, in any order."""
        self.do(self.stage.catch_up(processor, order))
        self.do(looks.home(self.stage, self.who(reader)))

    @rule(processor=processors, number=st.integers(0, PARTITIONS - 1), count=st.integers(1, 8), reader=anyone)
    def thaw(self, processor: Any, number: int, count: int, reader: int) -> None:
        self.do(self.stage.thaw(processor, number, count))
        self.do(looks.home(self.stage, self.who(reader)))

    @precondition(lambda self: not self.stage.is_quiet())
    @rule(order=orders, after=st.integers(1, 12), reader=anyone)
    def crash(self, order: list[int], after: int, reader: int) -> None:
        """Feeds stay as the dead worker left them; views, whose progress answers wait for, are mended before a look."""
        for processor in PROCESSORS:
            self.do(self.stage.crash(processor, self.stage.pending(processor, order), after))
        self.do(self.stage.catch_up("views"))
        self.do(looks.home(self.stage, self.who(reader)))

    @rule(reader=anyone, lists=st.sampled_from(("f", "s", "fs")))
    def lose_feed(self, reader: int, lists: str) -> None:
        self.do(self.stage.lose_feed(self.who(reader), lists))
        self.do(looks.home(self.stage, self.who(reader)))

    @rule(after=st.sampled_from((1, 2, 3, 10**9, 10**9)), reader=anyone)
    def tend(self, after: int, reader: int) -> None:
        self.do(self.stage.tend(after))
        self.do(looks.home(self.stage, self.who(reader)))

    @rule(followers=st.sampled_from((0, 1, 2, 10_000)), reader=anyone)
    def pull_above(self, followers: int, reader: int) -> None:
        self.stage.pull_above(followers)
        self.do(looks.home(self.stage, self.who(reader)))

    @rule(order=orders, batch=st.integers(1, 40), reader=anyone)
    def replay(self, order: list[int], batch: int, reader: int) -> None:
        self.do(self.stage.replay(order, batch))
        self.do(looks.home(self.stage, self.who(reader)))

    @rule(skew=st.sampled_from((-60, -1, 0, 1, 60)))
    def clocks_differ(self, skew: int) -> None:
        self.stage.skew = timedelta(seconds=skew)

    @rule()
    def restart_api(self) -> None:
        self.do(self.stage.restart_api())

    # --- the end ------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Quiet: walks come to their end, and everybody looks at everything."""
        if self.is_broken:
            return
        for processor in PROCESSORS:
            self.do(self.stage.catch_up(processor))
        for walk in [*self.walks, *(walk.back() for walk in self.walks if walk.behind)]:
            while not walk.is_over:
                self.do(walk.turn(self.stage))
        for ranks in self.ranks:
            while not ranks.is_over:
                self.do(ranks.turn(self.stage))
        for reader in self.people:
            self.do(self._look_around(reader))

    async def _look_around(self, reader: UserId) -> None:
        await looks.home(self.stage, reader)
        await looks.lists(self.stage, reader)
        for roll in self.rolls:
            await looks.roll_photos(self.stage, reader, roll)
        if self.is_thorough:
            for user in self.people:
                await looks.person(self.stage, reader, user)
                await looks.grid(self.stage, reader, user)
            for taken in self.photos:
                await looks.photo(self.stage, reader, taken.photo)
