"""In which order a reader's newest photos are shown to them, best first. Pure; the weights of all variants stand here.

A photo counts for its age, for how many like it and talk of it, and for how much of its author's the reader likes.
Which variant of the weights somebody gets follows from their session, so it is the same until they sign in anew.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from math import log1p

import msgspec

from schemas.ids import PhotoId, UserId, second


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """After `half_life` a photo counts half; the others say by how much more of itself a photo counts."""

    variant: str
    half_life: timedelta
    likes: float  # per e-fold of them
    comments: float  # likewise
    affinity: float  # when the reader likes all of the author's


VARIANTS = (
    Weights(variant="fresh", half_life=timedelta(hours=12), likes=0.3, comments=0.5, affinity=1.0),
    Weights(variant="loved", half_life=timedelta(hours=48), likes=0.6, comments=0.5, affinity=1.0),
)


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """What counts of a photo."""

    photo: PhotoId
    author: UserId
    likes: int
    comments: int
    you_like: bool


def weights(session: str) -> Weights:
    """The variant of a session: by chance, and always the same."""
    return VARIANTS[int.from_bytes(sha256(f"variant {session}".encode()).digest()[:8]) % len(VARIANTS)]


def ranked(candidates: Iterable[Candidate], weights: Weights, now: datetime) -> list[PhotoId]:
    """The photos, best first; of equals the newer one."""
    known = list(candidates)
    liked = _affinities(known)
    scores = {one.photo: _score(one, liked[one.author], weights, now) for one in known}
    return sorted(scores, key=lambda photo: (scores[photo], int(photo)), reverse=True)


def _score(one: Candidate, affinity: float, weights: Weights, now: datetime) -> float:
    worth = 1 + weights.likes * log1p(one.likes) + weights.comments * log1p(one.comments) + weights.affinity * affinity
    return float(worth * 0.5 ** ((now - second(one.photo)) / weights.half_life))


def _affinities(candidates: Iterable[Candidate]) -> dict[UserId, float]:
    """Share (0..1) of each author's photos among these that the reader likes."""
    likes = defaultdict[UserId, list[bool]](list)
    for one in candidates:
        likes[one.author].append(one.you_like)
    return {author: sum(each) / len(each) for author, each in likes.items()}
