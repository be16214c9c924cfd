"""What every reader must be told, worked out from a list of facts by plain loops: slow, and easy to believe.

Written from `views.md` and knowing nothing of rules, keys or stores. `None` is a 404.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Literal

from schemas import facts as f
from schemas.facts import Fact
from schemas.ids import PhotoId, RollId, UserId

State = Literal["revealed", "sealed", "spoiled", "taken_down"]
Says = Callable[[Fact], bool]


@dataclass(frozen=True)
class Oracle:
    """The facts that a view has passed, in the order of the log, and the reader's clock."""

    facts: Sequence[Fact]
    now: datetime

    # --- people -------------------------------------------------------------------------------------------------------

    def follows(self, reader: UserId, author: UserId) -> bool:
        def begins(fact: Fact) -> bool:
            return _is(fact, f.UserFollowed, reader, author) or _is(fact, f.FollowAccepted, author, reader)

        def ends(fact: Fact) -> bool:
            return _is(fact, f.UserUnfollowed, reader, author) or _is(fact, f.FollowerRemoved, author, reader)

        return self._stands(begins, ends)

    def asks(self, reader: UserId, author: UserId) -> bool:
        def ends(fact: Fact) -> bool:
            return (
                _is(fact, f.UserFollowed, reader, author)
                or _is(fact, f.UserUnfollowed, reader, author)
                or _is(fact, f.FollowAccepted, author, reader)
                or _is(fact, f.FollowDeclined, author, reader)
                or _is(fact, f.FollowerRemoved, author, reader)
            )

        return self._stands(lambda fact: _is(fact, f.FollowRequested, reader, author), ends)

    def asks_still(self, reader: UserId, author: UserId) -> bool:
        return self.asks(reader, author) and not self.follows(reader, author)

    def blocks(self, user: UserId, other: UserId) -> bool:
        return self._stands(
            lambda fact: _is(fact, f.UserBlocked, user, other), lambda fact: _is(fact, f.UserUnblocked, user, other)
        )

    def mutes(self, user: UserId, other: UserId) -> bool:
        return self._stands(
            lambda fact: _is(fact, f.UserMuted, user, other), lambda fact: _is(fact, f.UserUnmuted, user, other)
        )

    def suspended(self, user: UserId) -> bool:
        """By whichever moderator; ended by whichever."""
        return self._stands(
            lambda fact: isinstance(fact, f.UserSuspended) and fact.whom == user,
            lambda fact: isinstance(fact, f.UserReinstated) and fact.whom == user,
        )

    def erased(self, user: UserId) -> bool:
        """By themselves, for good."""
        return any(isinstance(fact, f.UserErased) and fact.by == user for fact in self.facts)

    def unseen(self, user: UserId) -> bool:
        """By everybody, themselves too."""
        return self.suspended(user) or self.erased(user)

    def gone(self, reader: UserId, user: UserId) -> bool:
        """Whether the reader, who saw them as long as they were there, learns that they are no more."""
        is_hidden = self.suspended(user) or self.apart(reader, user) or self.locked(reader, user)
        return self.erased(user) and not is_hidden

    def apart(self, one: UserId, other: UserId) -> bool:
        """A block hides both ways."""
        return self.blocks(one, other) or self.blocks(other, one)

    def meets(self, reader: UserId, other: UserId) -> bool:
        """Whether the reader finds them in a list of people."""
        return not self.apart(reader, other) and not self.unseen(other)

    def registered(self, user: UserId) -> f.UserRegistered | None:
        for fact in self.facts:
            if isinstance(fact, f.UserRegistered) and fact.by == user:
                return fact
        return None

    def private(self, user: UserId) -> bool:
        said = [x for x in self.facts if isinstance(x, f.PreferencesChanged | f.UserErased) and x.by == user]
        heard = takewhile(lambda fact: not isinstance(fact, f.UserErased), said)  # nothing later counts
        return [x.visibility for x in heard if isinstance(x, f.PreferencesChanged)][-1:] == ["private"]

    def locked(self, reader: UserId, user: UserId) -> bool:
        """A private account is closed to strangers; so is one of which nothing is known yet."""
        if reader == user or self.follows(reader, user):
            return False
        return self.registered(user) is None or self.private(user)

    def people(self) -> list[UserId]:
        """Everyone of whom there is any word, oldest account first."""
        found = {fact.by for fact in self.facts} | {fact.whom for fact in self.facts if hasattr(fact, "whom")}
        return sorted(found, key=int)

    # --- rolls --------------------------------------------------------------------------------------------------------

    def opened(self, roll: RollId) -> f.RollOpened | None:
        for fact in self.facts:
            if isinstance(fact, f.RollOpened) and fact.roll == roll:
                return fact
        return None

    def member(self, user: UserId, roll: RollId) -> bool:
        def begins(fact: Fact) -> bool:
            return isinstance(fact, f.RollOpened | f.RollJoined) and (fact.by, fact.roll) == (user, roll)

        def ends(fact: Fact) -> bool:
            if isinstance(fact, f.RollMemberRemoved):
                return (fact.whom, fact.roll) == (user, roll)
            return isinstance(fact, f.RollLeft) and (fact.by, fact.roll) == (user, roll)

        return self._stands(begins, ends)

    def admits(self, roll: RollId, reader: UserId) -> bool:
        """Whether the roll itself may be looked at."""
        opened = self.opened(roll)
        if opened is None or self.apart(reader, opened.by):
            return False
        return opened.visibility == "public" or self.member(reader, roll)

    def name(self, roll: RollId) -> str | None:
        names = [x.personal.name for x in self.facts if isinstance(x, f.RollOpened | f.RollRenamed) and x.roll == roll]
        return names[-1] if names else None

    def closed(self, roll: RollId) -> bool:
        return any(isinstance(fact, f.RollClosed) and fact.roll == roll for fact in self.facts)

    # --- photos -------------------------------------------------------------------------------------------------------

    def photos(self) -> list[f.PhotoCaptured]:
        """Newest reveal first; of one second, the one that was taken later."""
        taken = [fact for fact in self.facts if isinstance(fact, f.PhotoCaptured)]
        return sorted(taken, key=lambda fact: (fact.reveal_at, int(fact.photo)), reverse=True)

    def has(self, kind: type[Fact], photo: PhotoId) -> bool:
        return any(isinstance(fact, kind) and getattr(fact, "photo", None) == photo for fact in self.facts)

    def taken_down(self, photo: PhotoId) -> bool:
        """Whether a moderator took it down; that the author takes it back, too, is asked apart."""
        return self._stands(
            lambda fact: isinstance(fact, f.PhotoTakenDown) and fact.photo == photo,
            lambda fact: isinstance(fact, f.TakedownReversed) and fact.photo == photo,
        )

    def reporters(self, photo: PhotoId) -> set[UserId]:
        """Who reported it since a moderator decided, or its author took it back."""
        found = set[UserId]()
        for fact in self.facts:
            if isinstance(fact, f.PhotoReported) and fact.photo == photo:
                found.add(fact.by)
            elif isinstance(fact, f.PhotoTakenDown | f.TakedownReversed | f.PhotoDeleted) and fact.photo == photo:
                found.clear()
        return found

    def reported(self) -> dict[PhotoId, int]:
        """What moderators have to look at, and how many reported it."""
        counts = {taken.photo: len(self.reporters(taken.photo)) for taken in self.photos()}
        return {photo: count for photo, count in counts.items() if count}

    def moderated(self, taken: f.PhotoCaptured) -> State | None:
        """What a moderator sees of it, who has nothing to do with anybody here."""
        photo = taken.photo
        is_out = taken.reveal_at <= self.now and self.has(f.PhotoDeveloped, photo)
        if not is_out or self.has(f.PhotoDeleted, photo) or self.has(f.PhotoSpoiled, photo) or self.erased(taken.by):
            return None
        return (
            "taken_down"
            if self.taken_down(photo) or self.suspended(taken.by)
            else "revealed"
            if self.reporters(photo)
            else None
        )

    def sight(self, reader: UserId, taken: f.PhotoCaptured) -> State | None:
        """What the reader sees of a photo now."""
        photo, author = taken.photo, taken.by
        is_out = taken.reveal_at <= self.now and self.has(f.PhotoDeveloped, photo)
        if self.has(f.PhotoDeleted, photo) or self.taken_down(photo) or self.unseen(author):
            return None
        if reader == author:
            return "spoiled" if self.has(f.PhotoSpoiled, photo) else "revealed" if is_out else "sealed"
        if not is_out or self.has(f.PhotoSpoiled, photo) or self.apart(reader, author):
            return None
        if taken.roll is not None and self.opened(taken.roll) and self.member(reader, taken.roll):
            return "revealed"
        if taken.visibility == "private" or self.locked(reader, author):
            return None
        opened = self.opened(taken.roll) if taken.roll else None
        return "revealed" if taken.roll is None or (opened and opened.visibility == "public") else None

    def shown(self, reader: UserId, chosen: Callable[[f.PhotoCaptured], bool]) -> dict[PhotoId, State]:
        """The chosen photos that the reader sees something of, in order."""
        seen = {taken.photo: self.sight(reader, taken) for taken in self.photos() if chosen(taken)}
        return {photo: state for photo, state in seen.items() if state}

    # --- answers ------------------------------------------------------------------------------------------------------

    def grid(self, reader: UserId, user: UserId) -> dict[PhotoId, State] | None:
        if self.registered(user) is None or self.unseen(user):
            return None
        if self.apart(reader, user) or self.locked(reader, user):
            return None
        return self.shown(reader, lambda taken: taken.by == user)

    def roll_photos(self, reader: UserId, roll: RollId) -> dict[PhotoId, State] | None:
        return self.shown(reader, lambda taken: taken.roll == roll) if self.admits(roll, reader) else None

    def members(self, reader: UserId, roll: RollId) -> list[UserId] | None:
        if not self.admits(roll, reader):
            return None
        return [user for user in self.people() if self.member(user, roll) and self.meets(reader, user)]

    def followers(self, reader: UserId, user: UserId) -> list[UserId] | None:
        if self.grid(reader, user) is None:
            return None
        return [other for other in self.people() if self.follows(other, user) and self.meets(reader, other)]

    def following(self, reader: UserId, user: UserId) -> list[UserId] | None:
        if self.grid(reader, user) is None:
            return None
        return [other for other in self.people() if self.follows(user, other) and self.meets(reader, other)]

    def requests(self, reader: UserId) -> list[UserId]:
        return [user for user in self.people() if self.asks_still(user, reader) and self.meets(reader, user)]

    def blocked(self, reader: UserId) -> list[UserId]:
        return [user for user in self.people() if self.blocks(reader, user)]

    def muted(self, reader: UserId) -> list[UserId]:
        return [user for user in self.people() if self.mutes(reader, user) and self.meets(reader, user)]

    def home(self, reader: UserId) -> list[PhotoId]:
        """What the home feed may show."""

        def is_theirs(author: UserId) -> bool:
            return author == reader or (self.follows(reader, author) and not self.mutes(reader, author))

        seen = self.shown(reader, lambda taken: is_theirs(taken.by))
        return [photo for photo, state in seen.items() if state == "revealed"]

    def delivered(self, reader: UserId, photo: PhotoId, author: UserId) -> bool:
        """Whether feeds that passed these facts must have brought the photo to the reader."""
        return self.may_stand(reader, photo, author) and not self.has(f.PhotoDeleted, photo)

    def may_stand(self, reader: UserId, photo: PhotoId, author: UserId) -> bool:
        """Whether the photo has any place in the reader's feed; one that is developed after its deletion may have."""
        return (reader == author or self.follows(reader, author)) and self.has(f.PhotoDeveloped, photo)

    def _stands(self, begins: Says, ends: Says) -> bool:
        """The last word counts."""
        stands = False
        for fact in self.facts:
            if begins(fact):
                stands = True
            elif ends(fact):
                stands = False
        return stands


def _is(fact: Fact, kind: type[Fact], by: UserId, whom: UserId) -> bool:
    return isinstance(fact, kind) and (fact.by, getattr(fact, "whom", None)) == (by, whom)
