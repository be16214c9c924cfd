"""The oracle of many: who reads what, from all facts at once. One loop over the facts, one over a reader's authors."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from schemas import facts as f
from schemas.facts import Fact
from schemas.ids import PhotoId, RollId, UserId


class Census:
    """What is true after all these facts."""

    def __init__(self, facts: Sequence[Fact], now: datetime) -> None:
        self._now = now
        self.authors = defaultdict[UserId, set[UserId]](set)  # whom somebody follows
        self._blocks = set[tuple[UserId, UserId]]()
        self._mutes = set[tuple[UserId, UserId]]()
        self._private = set[UserId]()
        self._members = defaultdict[RollId, set[UserId]](set)
        self._opened = dict[RollId, f.RollOpened]()
        self._photos = defaultdict[UserId, list[f.PhotoCaptured]](list)
        self._developed, self._gone = set[PhotoId](), set[PhotoId]()
        self.registered = set[UserId]()
        for fact in facts:
            self._note_person(fact)
            self._note_roll_or_photo(fact)
        self._standing = self._developed - self._gone

    def _note_person(self, fact: Fact) -> None:
        match fact:
            case f.UserRegistered(by=user):
                self.registered.add(user)
            case f.UserFollowed(by=reader, whom=author):
                self.authors[reader].add(author)
            case f.UserUnfollowed(by=reader, whom=author) | f.FollowerRemoved(by=author, whom=reader):
                self.authors[reader].discard(author)
            case f.UserBlocked(by=user, whom=other):
                self._blocks |= {(user, other), (other, user)}
            case f.UserMuted(by=user, whom=other):
                self._mutes.add((user, other))
            case f.PreferencesChanged(by=user, visibility=visibility):
                (self._private.add if visibility == "private" else self._private.discard)(user)

    def _note_roll_or_photo(self, fact: Fact) -> None:
        match fact:
            case f.RollOpened(by=user, roll=roll):
                self._opened[roll] = fact
                self._members[roll].add(user)
            case f.RollJoined(by=user, roll=roll):
                self._members[roll].add(user)
            case f.RollLeft(by=user, roll=roll):
                self._members[roll].discard(user)
            case f.PhotoCaptured(by=author):
                self._photos[author].append(fact)
            case f.PhotoDeveloped(photo=photo):
                self._developed.add(photo)
            case f.PhotoDeleted(photo=photo) | f.PhotoSpoiled(photo=photo):
                self._gone.add(photo)

    def home(self, reader: UserId) -> list[PhotoId]:
        """Every photo in the reader's feed, newest first."""
        authors = {author for author in self.authors[reader] if (reader, author) not in self._mutes} | {reader}
        taken = [photo for author in authors for photo in self._photos[author] if self._sees(reader, photo)]
        return sorted((one.photo for one in taken), key=int, reverse=True)

    def brought(self, reader: UserId) -> list[PhotoId]:
        """What a feed must have room for: every revealed photo of the reader's authors, whoever may see it."""
        taken = [one for author in self.authors[reader] | {reader} for one in self._photos[author]]
        out = [p for p in taken if p.reveal_at <= self._now and p.photo in self._standing]
        return sorted((one.photo for one in out), key=int, reverse=True)

    def _sees(self, reader: UserId, one: f.PhotoCaptured) -> bool:
        if one.reveal_at > self._now or one.photo not in self._standing:
            return False
        if reader == one.by or (
            one.roll and reader in self._members[one.roll] and (reader, one.by) not in self._blocks
        ):
            return True
        if (reader, one.by) in self._blocks or one.visibility == "private":
            return False
        is_open = one.by in self.registered and one.by not in self._private
        return (is_open or one.by in self.authors[reader]) and (
            one.roll is None or self._opened[one.roll].visibility == "public"
        )
