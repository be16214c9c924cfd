"""May this reader see this photo now? Decided at every read, from the card and the reader's own sets. Pure.

No fan-out, unfollow or deletion can race with it: what stands in a list is only a candidate. It stands here because
what `api` shows is what `ingest` lets people like and comment on.
"""

from datetime import datetime
from typing import Literal

from schemas.hashes import Card, Profile, Roll
from schemas.ids import PhotoId, UserId, floor_at

Sight = Literal["hidden", "sealed", "spoiled", "revealed"]
Admission = Literal["member", "public", "closed"]
# Of an account that was erased a reader who saw it before may learn that it is `gone`; to others it never was.
Tie = Literal["open", "locked", "blocked", "suspended", "gone", "erased"]
NOBODY: frozenset[Tie] = frozenset({"suspended", "gone", "erased"})  # whom not even they themselves see
UNSEEN: frozenset[Tie] = NOBODY | {"blocked"}  # who stands so has no profile, and said nothing


def admission(roll: Roll | None, is_member: bool, is_blocked: bool = False) -> Admission:
    """How a reader stands to a roll; one that no view knows yet is closed, and so is one whose owner a block hides."""
    if roll is None or is_blocked:
        return "closed"
    if is_member:
        return "member"
    return "public" if roll.visibility == "public" else "closed"


def tie(profile: Profile | None, *, is_followed: bool, is_blocked: bool) -> Tie:
    """How a reader stands to another person: a private account is locked to whoever does not follow it.

    So is one whose profile no view knows yet: it may be private. One that is suspended nobody sees, its owner neither.
    """
    if profile is not None and profile.erased_at is not None:
        return "gone" if _before(profile, is_followed=is_followed, is_blocked=is_blocked) == "open" else "erased"
    return _before(profile, is_followed=is_followed, is_blocked=is_blocked)


def _before(profile: Profile | None, *, is_followed: bool, is_blocked: bool) -> Tie:
    """The same, as long as the account stands."""
    if profile is not None and profile.suspended:
        return "suspended"
    if is_blocked:
        return "blocked"
    if is_followed or (profile is not None and not profile.is_private):
        return "open"
    return "locked"


def sight(photo: PhotoId, card: Card | None, reader: UserId, now: datetime, admitted: Admission, tied: Tie) -> Sight:
    """What `reader` sees of `photo` at `now`.

    `admitted` concerns its roll and is `public` for a photo without one; `tied` its author. Who shares a private
    account's photo into a roll shows it to the roll's members. What moderators took down nobody sees, its author
    neither; that moderators do is asked of them alone (`is_out`).
    """
    if card is None or card.author is None or card.deleted_at is not None or card.taken_down:
        return "hidden"
    if tied in NOBODY:
        return "hidden"
    if card.author == reader:
        return _own(photo, card, now)
    if card.spoiled is not None or tied == "blocked" or not is_out(photo, card, now):
        return "hidden"
    return "revealed" if _is_admitted(card, admitted, tied) else "hidden"


def is_revealed(photo: PhotoId, now: datetime) -> bool:
    """Whether the second in the photo's id has come: the whole roll shares it, so a reveal is atomic."""
    return int(photo) < floor_at(now)


def is_out(photo: PhotoId, card: Card, now: datetime) -> bool:
    """Revealed *and* developed: one that is developed late stays sealed until it is."""
    return is_revealed(photo, now) and card.developed_at is not None and bool(card.sizes)


def _own(photo: PhotoId, card: Card, now: datetime) -> Sight:
    if card.spoiled is not None:
        return "spoiled"
    return "revealed" if is_out(photo, card, now) else "sealed"


def _is_admitted(card: Card, admitted: Admission, tied: Tie) -> bool:
    return admitted == "member" or (admitted == "public" and tied == "open" and card.visibility == "public")
