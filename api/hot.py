"""Cards that were read lately: their parsed, immutable part, and the questions that are asked about each, packed.

What may change is never taken from here: whether a photo is deleted, spoiled or taken down, for whom it is, how often
it was liked comes from Redis each time, with the time of its development, by which a card that was developed anew is
told.
"""

from collections import OrderedDict
from datetime import datetime
from functools import lru_cache
from hashlib import sha1
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from schemas import hashes
from schemas import projections as view
from schemas.hashes import Card, Profile
from schemas.ids import AnyId, PhotoId, UserId, bucket
from schemas.visibility import Admission, Sight, Tie

REMEMBERED = 20_000  # cards, some 3 kB each
BITS = ("deleted_at", "spoiled", "taken_down", "visibility", "developed_at")
REPLIES = 2  # to the questions about one photo

Texts = list[str | None]
Bits = Texts
T = TypeVar("T", bound=msgspec.Struct)


class Ready:
    """JSON as it goes out, and a digest of it."""

    __slots__ = ("raw", "tag")

    def __init__(self, text: bytes) -> None:
        self.raw = msgspec.Raw(text)
        self.tag = sha1(text, usedforsecurity=False).digest()  # twice as fast as others where the processor knows it


class Pieces(NamedTuple):
    """A card as JSON, cut where it changes, as it is for links of one window made by one signer."""

    card: Card
    signer: object
    window: datetime
    pieces: list[bytes]
    wholes: dict[tuple[object, ...], Ready]  # by what was put between them


class Judged(NamedTuple):
    """What those see of a card who stand like this to it: second, admission, tie."""

    card: Card
    stand: tuple[int, Admission, Tie]
    sight: Sight


class Hot(NamedTuple):
    """A developed photo's card as it was when nothing had happened to it, and what is asked about it."""

    card: Card
    bits: Bits
    asked: bytes  # all but the last word, which is the reader


class HotCards:
    """Forgets what was not asked for longest. Belongs to one process, and to nobody else."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._found: OrderedDict[PhotoId, Hot] = OrderedDict()
        self._remembered = remembered
        self.pieces: dict[PhotoId, Pieces] = {}
        self.judged: dict[PhotoId, Judged] = {}

    def get(self, photo: PhotoId) -> Hot | None:
        """What is remembered of the photo."""
        found = self._found.get(photo)
        if found is not None:
            self._found.move_to_end(photo)
        return found

    def has(self, photo: PhotoId) -> bool:
        """Whether anything is, without asking for it."""
        return photo in self._found

    def put(self, photo: PhotoId, fields: hashes.Fields, card: Card) -> None:
        """Remembers a card that is developed, and neither deleted nor spoiled nor taken down."""
        if card.developed_at and card.author and not (card.deleted_at or card.spoiled or card.taken_down):
            self._found[photo] = Hot(card, [fields.get(name) for name in BITS], questions(photo))
            if len(self._found) > self._remembered:
                self.drop(next(iter(self._found)))

    def drop(self, photo: PhotoId) -> None:
        """It is another one by now."""
        self._found.pop(photo, None)
        self.pieces.pop(photo, None)
        self.judged.pop(photo, None)


class Parsed:
    """Views that were parsed before: the same fields are the same view. Fields always come from Redis.

    All of them with their names, or, where the view's own were asked for, the texts of these.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._found: dict[tuple[type, AnyId], tuple[hashes.Fields | Texts, Any]] = {}
        self._remembered = remembered

    def read(self, kind: type[T], of: AnyId, fields: hashes.Fields | Texts) -> T | None:
        """The view in these fields; None when there are none."""
        known = self._found.get((kind, of))
        if known is not None and known[0] == fields:
            return cast(T, known[1])
        named = _named(kind, fields) if isinstance(fields, list) else fields
        if not named:
            return None
        if len(self._found) >= self._remembered:
            self._found.clear()
        found = hashes.read(kind, named)
        self._found[kind, of] = (fields, found)
        return found


def _named(kind: type[msgspec.Struct], texts: Texts) -> hashes.Fields:
    return {name: text for name, text in zip(kind.__struct_fields__, texts, strict=True) if text is not None}


def questions(photo: PhotoId) -> bytes:
    """`HMGET card`, with its counts at the end, and whether somebody likes it, whose id comes last."""
    card, likes = ("HMGET", view.card(photo), *BITS, hashes.LIKES, hashes.COMMENTS), ("SISMEMBER", view.likers(photo))
    return b"".join((_packed(card), b"*3\r\n", _packed(likes).partition(b"\r\n")[2]))


def bits_asked(photo: PhotoId) -> bytes:
    """What decides who sees the photo, and nothing that is counted."""
    return _packed(("HMGET", view.card(photo), *BITS))


def bulk(text: str) -> bytes:
    """One word."""
    return b"$%d\r\n%b\r\n" % (len(text.encode()), text.encode())


@lru_cache(maxsize=REMEMBERED)
def profile_asked(user: UserId) -> tuple[int, bytes, int]:
    """Its bucket, the question for all that a profile may hold, and how many that is."""
    return bucket(user), _packed(("HMGET", view.profile(user), *Profile.__struct_fields__)), 1


def _packed(words: tuple[str, ...]) -> bytes:
    return b"*%d\r\n%b" % (len(words), b"".join(map(bulk, words)))
