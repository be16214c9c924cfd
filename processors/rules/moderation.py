"""What reports and takedowns do to the views of their photo: a bit of its card, and what moderators have to look at.

Nothing that hangs on the photo is touched, so that a takedown that is reversed has never been. Facts of one photo stay
in order: the last word counts.
"""

from collections.abc import Iterator

from processors.intents import Exclude, Forget, Include, Point, Save, ViewIntent
from schemas import projections
from schemas.facts import ModerationFact, PhotoReported, PhotoTakenDown, SuspensionFact, TakedownReversed, UserSuspended
from schemas.ids import PhotoId, bucket

Changes = Iterator[ViewIntent]


def changes(fact: ModerationFact) -> Changes:
    """What `fact` does, as intents that may be applied twice."""
    match fact:
        case PhotoReported(photo=photo, by=user, reason=reason):
            yield Save(projections.reports(photo), {user: reason})
            yield Include(projections.reported(bucket(photo)), photo)
            yield Point(projections.entity(fact.id), photo)
        case PhotoTakenDown(photo=photo, reason=reason):
            yield Save(projections.card(photo), {"taken_down": reason})
            yield from settled(photo)
        case TakedownReversed(photo=photo):
            yield Save(projections.card(photo), {"taken_down": ""})
            yield from settled(photo)


def suspension(fact: SuspensionFact) -> Changes:
    """A bit of the profile, which every read asks: a suspension that ends has never been."""
    reason = fact.reason if isinstance(fact, UserSuspended) else ""
    yield Save(projections.profile(fact.whom), {"suspended": reason})


def settled(photo: PhotoId) -> Changes:
    """Nothing of the photo is left to decide."""
    yield Forget(projections.reports(photo))
    yield Exclude(projections.reported(bucket(photo)), photo)
