"""A community with a heavy tail: a few are followed by most, and take most photos."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import accumulate, islice
from random import Random

from schemas import facts as f
from schemas import ids
from schemas.facts import Fact
from schemas.ids import PhotoId, UserId
from tests import builders as a

TAIL = 1.2  # Pareto's alpha: of 10,000 people the top percent has about half of all followers
DAYS = 30
Facts = Iterator[Fact]


class Community:
    """Makes facts without end; the same seed makes the same."""

    def __init__(self, seed: int, size: int) -> None:
        self._random = Random(seed)
        self.people = [self._user(number) for number in range(size)]
        self._fame = list(accumulate(self._random.paretovariate(TAIL) for _ in self.people))
        self._there: list[UserId] = []
        self._known: set[UserId] = set()
        self._follows: list[tuple[UserId, UserId]] = []
        self._rolls: list[f.RollOpened] = []
        self._joined: list[f.RollJoined] = []
        self._taken: list[f.PhotoCaptured] = []
        self._made = 0
        self._at = a.NOON - timedelta(days=DAYS)
        self._weights: Mapping[Callable[[], Facts], int] = {
            self._follow: 46, self._post: 24, self._unfollow: 4, self._delete: 2, self._capture: 1, self._spoil: 1,
            self._block: 1, self._mute: 1, self._hide: 1, self._open: 1, self._join: 4, self._leave: 1,
        }  # fmt: skip

    def facts(self, count: int) -> list[Fact]:
        """So many of a month; half of the people are there from the start, the others come meanwhile."""
        return list(islice(self._live(timedelta(days=DAYS) / count), count))

    def _live(self, pause: timedelta) -> Facts:
        half = len(self.people) // 2
        late = iter(self.people[half:])
        for user in self.people[:half]:
            yield self._registered(user)
        while True:
            self._at += pause
            if (newcomer := next(late, None)) is not None:
                yield self._registered(newcomer)
            (doing,) = self._random.choices(list(self._weights), list(self._weights.values()))
            yield from doing()

    def _user(self, number: int) -> UserId:
        registered = a.NOON - timedelta(days=60) + timedelta(seconds=number)
        return UserId(ids.compose(registered, self._random.randrange(ids.BUCKETS), number))

    def _anyone(self) -> UserId:
        return self._random.choice(self._there)

    def _famous(self) -> UserId:
        found = self._random.choices(self.people, cum_weights=self._fame)[0]
        return found if found in self._known else self._famous()

    def _pair(self) -> tuple[UserId, UserId]:
        one, other = self._anyone(), self._famous()
        return (one, other) if one != other else self._pair()

    # --- what they do -------------------------------------------------------------------------------------------------

    def _registered(self, user: UserId) -> Fact:
        self._there.append(user)
        self._known.add(user)
        return a.user_registered(user, f"user {user}", at=self._at)

    def _follow(self) -> Facts:
        self._follows.append(self._pair())
        yield a.user_followed(*self._follows[-1], at=self._at)

    def _unfollow(self) -> Facts:
        if self._follows:
            yield a.user_unfollowed(*self._random.choice(self._follows), at=self._at)

    def _block(self) -> Facts:
        one, other = self._pair()
        yield a.user_blocked(one, other, at=self._at)
        yield a.user_unfollowed(one, other, at=self._at)
        yield a.follower_removed(one, other, at=self._at)

    def _mute(self) -> Facts:
        yield a.user_muted(*(self._random.choice(self._follows) if self._follows else self._pair()), at=self._at)

    def _hide(self) -> Facts:
        yield a.preferences_changed(self._anyone(), self._random.choice(("private", "public")), at=self._at)

    def _open(self) -> Facts:
        self._made += 1
        owner = self._famous()
        visibility: f.Visibility = "private" if self._random.random() < 0.5 else "public"
        self._rolls.append(a.roll_opened(owner, a.a_roll(owner, self._made), visibility=visibility, at=self._at))
        yield self._rolls[-1]

    def _join(self) -> Facts:
        if self._rolls:
            self._joined.append(a.roll_joined(self._anyone(), self._random.choice(self._rolls).roll, at=self._at))
            yield self._joined[-1]

    def _leave(self) -> Facts:
        if self._joined:
            joined = self._random.choice(self._joined)
            yield a.roll_left(joined.by, joined.roll, at=self._at)

    def _capture(self) -> Facts:
        """One in four into a roll, one in ten revealed only after we look."""
        self._made += 1
        author, roll = self._author()
        at = a.TOMORROW if self._random.random() < 0.1 else self._at.replace(microsecond=0) + timedelta(minutes=1)
        photo = PhotoId(ids.compose(at, ids.bucket(author), self._made))
        visibility: f.Visibility = roll.visibility if roll else "public"
        self._taken.append(a.photo_captured(author, photo, roll.roll if roll else None, visibility, at=self._at))
        yield self._taken[-1]

    def _author(self) -> tuple[UserId, f.RollOpened | None]:
        if not self._joined or self._random.random() > 0.25:
            return self._famous(), None
        joined = self._random.choice(self._joined)
        return joined.by, next(opened for opened in self._rolls if opened.roll == joined.roll)

    def _post(self) -> Facts:
        yield from self._capture()
        taken = self._taken[-1]
        yield a.photo_developed(taken.by, taken.photo, taken.roll, taken.visibility, at=self._at)

    def _spoil(self) -> Facts:
        yield from self._capture()
        yield a.photo_spoiled(self._taken[-1].by, self._taken[-1].photo, at=self._at)

    def _delete(self) -> Facts:
        if self._taken:
            taken = self._random.choice(self._taken)
            yield a.photo_deleted(taken.by, taken.photo, taken.roll, at=self._at)
