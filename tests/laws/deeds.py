"""What people do, as rules of a hypothesis state machine: every deed is facts in the log, at once or late in views."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from schemas import facts, ids
from schemas.facts import Fact
from schemas.ids import PhotoId, RollId, UserId
from tests import builders as a
from tests.laws import looks
from tests.laws.cast import PEOPLE, Cast
from tests.laws.stage import MODERATOR, PROCESSORS

anyone = st.integers(0, len(PEOPLE) - 1)
something = st.integers(0, 30)  # of what there is, counted from the newest
coin = st.booleans()
haste = st.sampled_from(("at once", "at once", "at once", "feeds later", "feeds later", "later"))
delays = st.sampled_from((0, 0, 1, 10, 3_600, 86_400))


class Deeds(Cast):
    """What may be done, by whomever, in whatever order."""

    # --- people -------------------------------------------------------------------------------------------------------

    @initialize(
        pairs=st.lists(st.tuples(anyone, anyone), max_size=10),
        authors=st.lists(anyone, max_size=4),
        guests=st.sets(anyone, max_size=4),
        private=st.sets(anyone, max_size=1),
    )
    def some_are_there(
        self, pairs: list[tuple[int, int]], authors: list[int], guests: set[int], private: set[int]
    ) -> None:
        """They know each other, have a roll, and took photos, one of them late."""
        self.people = list(PEOPLE[:4])
        said: list[Fact] = [a.user_registered(user, f"user {n}", at=self.now) for n, user in enumerate(self.people)]
        said += [a.user_followed(*self.others(one, other), at=self.now) for one, other in pairs]
        said += [a.preferences_changed(self.who(one), at=self.now) for one in private]
        said += self._roll(self.who(0), guests) if guests else []
        for number, author in enumerate(authors):
            roll = self.rolls[0] if number % 2 and author in guests else None
            taken = self._taken(self.who(author), roll, delay_s=10 * (number // 3))
            said += [taken, self._developed(taken)]
        for fact in said:
            self.stage.append(fact)
        for processor in PROCESSORS:
            self.do(self.stage.catch_up(processor))

    @precondition(lambda self: len(self.people) < len(PEOPLE))
    @rule(how=haste)
    def register(self, how: str) -> None:
        self.people.append(PEOPLE[len(self.people)])
        self.say(a.user_registered(self.people[-1], "newcomer", at=self.now), how=how, witness=0)

    @rule(one=anyone, other=anyone, how=haste)
    def follow(self, one: int, other: int, how: str) -> None:
        """Or the wish to, where the account is private; now and then a follow crosses a block."""
        reader, author = self.others(one, other)
        is_private = self.stage.logged().private(author)
        fact = (a.follow_requested if is_private else a.user_followed)(reader, author, at=self.now)
        self.say(fact, how=how, witness=other)

    @rule(one=anyone, other=anyone, how=haste)
    def unfollow(self, one: int, other: int, how: str) -> None:
        reader, author = self.others(one, other)
        self.say(a.user_unfollowed(reader, author, at=self.now), how=how, witness=other)

    @rule(one=anyone, other=anyone, how=haste)
    def remove_follower(self, one: int, other: int, how: str) -> None:
        author, reader = self.others(one, other)
        self.say(a.follower_removed(author, reader, at=self.now), how=how, witness=other)

    @rule(number=something, is_welcome=coin, how=haste)
    def answer(self, number: int, is_welcome: bool, how: str) -> None:
        """Somebody who asked is let in, or not."""
        truth = self.stage.logged()
        asked = [(r, w) for r in self.people for w in self.people if r != w and truth.asks(r, w)]
        if asked:
            reader, author = asked[number % len(asked)]
            answered = a.follow_accepted if is_welcome else a.follow_declined
            self.say(answered(author, reader, at=self.now), how=how, witness=self.people.index(reader))

    @rule(one=anyone, is_private=coin, how=haste, witness=anyone)
    def privacy(self, one: int, is_private: bool, how: str, witness: int) -> None:
        wanted: facts.Visibility = "private" if is_private else "public"
        self.say(a.preferences_changed(self.who(one), wanted, at=self.now), how=how, witness=witness)

    @rule(one=anyone, other=anyone, how=haste)
    def block(self, one: int, other: int, how: str) -> None:
        user, whom = self.others(one, other)
        parted = (a.user_unfollowed(user, whom, at=self.now), a.follower_removed(user, whom, at=self.now))
        self.say(a.user_blocked(user, whom, at=self.now), *parted, how=how, witness=self.people.index(whom))

    @rule(one=anyone, other=anyone, how=haste)
    def block_crossed_by_a_follow(self, one: int, other: int, how: str) -> None:
        user, whom = self.others(one, other)
        self.say(a.user_blocked(user, whom, at=self.now), how=how, witness=self.people.index(whom))

    @rule(one=anyone, other=anyone, how=haste)
    def unblock(self, one: int, other: int, how: str) -> None:
        user, whom = self.others(one, other)
        self.say(a.user_unblocked(user, whom, at=self.now), how=how, witness=self.people.index(whom))

    @rule(one=anyone, other=anyone, does=coin, how=haste)
    def mute(self, one: int, other: int, does: bool, how: str) -> None:
        user, whom = self.others(one, other)
        self.say((a.user_muted if does else a.user_unmuted)(user, whom, at=self.now), how=how, witness=other)
        self.do(looks.grid(self.stage, user, whom))

    # --- rolls --------------------------------------------------------------------------------------------------------

    @rule(one=anyone, guests=st.sets(anyone, max_size=3), visibility=st.sampled_from(("private", "public")), how=haste)
    def open_roll(self, one: int, guests: set[int], visibility: facts.Visibility, how: str) -> None:
        self.say(*self._roll(self.who(one), guests, visibility), how=how, witness=one + 1)

    def _roll(self, owner: UserId, guests: set[int], visibility: facts.Visibility = "private") -> list[Fact]:
        self.made += 1
        self.rolls.append(a.a_roll(owner, self.made))
        opened = a.roll_opened(owner, self.rolls[-1], visibility=visibility, at=self.now)
        return [opened, *(a.roll_joined(self.who(guest), self.rolls[-1], at=self.now) for guest in guests)]

    @precondition(lambda self: self.rolls)
    @rule(one=anyone, number=something, how=haste)
    def join(self, one: int, number: int, how: str) -> None:
        self.say(a.roll_joined(self.who(one), self.roll_of(number), at=self.now), how=how, witness=one + 1)

    @precondition(lambda self: self.rolls)
    @rule(one=anyone, number=something, is_sent_away=coin, how=haste)
    def leave(self, one: int, number: int, is_sent_away: bool, how: str) -> None:
        """On one's own, or not; the owner stays."""
        user, roll = self.who(one), self.roll_of(number)
        opened = self.stage.logged().opened(roll)
        if opened is not None and opened.by != user:
            removed = a.roll_member_removed(opened.by, roll, user, at=self.now)
            self.say(removed if is_sent_away else a.roll_left(user, roll, at=self.now), how=how, witness=one)

    @precondition(lambda self: self.rolls)
    @rule(number=something, closes=coin, how=haste, witness=anyone)
    def close_or_rename(self, number: int, closes: bool, how: str, witness: int) -> None:
        roll = self.roll_of(number)
        owner = self.stage.logged().opened(roll)
        assert owner is not None
        done = a.roll_closed(owner.by, roll, at=self.now) if closes else a.roll_renamed(owner.by, roll, at=self.now)
        self.say(done, how=how, witness=witness)
        self.do(looks.roll(self.stage, self.who(witness), roll))

    # --- photos -------------------------------------------------------------------------------------------------------

    def _taken(self, author: UserId, roll: RollId | None, delay_s: int) -> facts.PhotoCaptured:
        self.made += 1
        whole = self.now.replace(microsecond=0)
        at = whole + timedelta(seconds=delay_s + (whole < self.now))
        photo = PhotoId(ids.compose(at, ids.bucket(author), self.made))
        opened = self.stage.logged().opened(roll) if roll else None
        visibility: facts.Visibility = opened.visibility if opened else "private" if roll else "public"
        taken = a.photo_captured(author, photo, roll, visibility, caption=f"no. {self.made}", at=self.now)
        self.photos.append(taken)
        return self.photos[-1]

    def _developed(self, taken: facts.PhotoCaptured) -> facts.PhotoDeveloped:
        return a.photo_developed(taken.by, taken.photo, taken.roll, taken.visibility, at=taken.at)

    def _roll_for(self, author: UserId, number: int) -> RollId | None:
        """One that the author is in; now and then none."""
        truth = self.stage.logged()
        theirs = [roll for roll in self.rolls if truth.member(author, roll)]
        return [*theirs, *theirs, None][number % (2 * len(theirs) + 1)]

    @rule(one=anyone, number=something, delay=delays, how=haste, witness=anyone)
    def capture(self, one: int, number: int, delay: int, how: str, witness: int) -> None:
        author = self.who(one)
        self.say(self._taken(author, self._roll_for(author, number), delay), how=how, witness=witness)

    @rule(one=anyone, number=something, delay=delays, how=haste, witness=anyone)
    def post(self, one: int, number: int, delay: int, how: str, witness: int) -> None:
        """Captured, and developed right after."""
        author = self.who(one)
        taken = self._taken(author, self._roll_for(author, number), delay)
        self.say(taken, self._developed(taken), how=how, witness=witness)

    @precondition(lambda self: self.photos)
    @rule(number=something, how=haste, witness=anyone)
    def develop(self, number: int, how: str, witness: int) -> None:
        """Late, twice, or after it was taken back."""
        self.say(self._developed(self.photo_of(number)), how=how, witness=witness)

    @precondition(lambda self: self.photos)
    @rule(number=something, how=haste, witness=anyone)
    def spoil(self, number: int, how: str, witness: int) -> None:
        taken = self.photo_of(number)
        self.say(a.photo_spoiled(taken.by, taken.photo, at=taken.at), how=how, witness=witness)

    @precondition(lambda self: self.photos)
    @rule(number=something, how=haste, witness=anyone)
    def delete(self, number: int, how: str, witness: int) -> None:
        taken = self.photo_of(number)
        self.say(a.photo_deleted(taken.by, taken.photo, taken.roll, at=self.now), how=how, witness=witness)

    # --- moderation ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.photos)
    @rule(one=anyone, number=something, how=haste)
    def report(self, one: int, number: int, how: str) -> None:
        """Now and then after it was taken down or back, which the one who reports it may not have seen."""
        taken = self.photo_of(number)
        self.say(a.photo_reported(self.who(one), taken.photo, at=self.now), how=how, witness=one + 1)

    @precondition(lambda self: self.photos)
    @rule(number=something, does=coin, how=haste, witness=anyone)
    def take_down(self, number: int, does: bool, how: str, witness: int) -> None:
        """Or let it stand again: after its deletion, too, and where nothing was taken down."""
        taken = self.photo_of(number)
        decided = (a.photo_taken_down if does else a.takedown_reversed)(MODERATOR, taken.photo, at=self.now)
        self.say(decided, how=how, witness=witness)
        self.do(looks.photo(self.stage, taken.by, taken.photo))
        self.do(looks.grid(self.stage, self.who(witness), taken.by))
        if taken.roll:
            self.do(looks.roll_photos(self.stage, self.who(witness), taken.roll))

    @rule(one=anyone, does=coin, how=haste, witness=anyone, number=something)
    def suspend(self, one: int, does: bool, how: str, witness: int, number: int) -> None:
        """Or reinstate, whoever was not suspended, too."""
        user, reader = self.who(one), self.who(witness)
        decided = (a.user_suspended if does else a.user_reinstated)(MODERATOR, user, at=self.now)
        self.say(decided, how=how, witness=witness)
        for looker in {reader, user}:
            self.do(looks.grid(self.stage, looker, user))
            self.do(looks.person(self.stage, looker, user))
        if self.photos:
            self.do(looks.moderated(self.stage, self.photo_of(number).photo))

    @precondition(
        lambda self: len(self.people) == len(PEOPLE) and not any(map(self.stage.logged().erased, self.people))
    )
    @rule(one=anyone, how=haste, witness=anyone)
    def erase(self, one: int, how: str, witness: int) -> None:
        """One of them, late in a play; whatever they do after it is a late fact, and their registration comes again."""
        user, reader = self.who(one), self.who(witness)
        again = a.user_registered(user, "a late copy", at=self.now)
        self.say(a.user_erased(user, at=self.now), again, how=how, witness=witness)
        for looker in {reader, user}:
            self.do(looks.grid(self.stage, looker, user))
            self.do(looks.person(self.stage, looker, user))
        for taken in [taken for taken in self.photos if taken.by == user]:
            self.do(looks.photo(self.stage, reader, taken.photo))
            self.do(looks.moderated(self.stage, taken.photo))
