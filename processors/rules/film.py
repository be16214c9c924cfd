"""The film look: an original in, three JPEGs and a placeholder out.

Same input, same bytes, so doing it twice is free.
"""

import hashlib
from datetime import date
from io import BytesIO

import msgspec
from PIL import Image

from processors.rules.blurhash import blurhash
from processors.rules.looks import exposed, warm
from processors.rules.negatives import Refused, negative, resized
from processors.rules.stocks import FILMS
from schemas.objects import RenditionName

QUALITY: dict[RenditionName, int] = {"large": 85, "medium": 82, "small": 78}
MEDIUM_PX, SMALL_PX = 1080, 320
PLACEHOLDER_PX = 20


class Rendition(msgspec.Struct, frozen=True):
    """One size of a developed photo, as the bytes of a JPEG without metadata."""

    name: RenditionName
    width_px: int
    height_px: int
    jpeg: bytes


class Developed(msgspec.Struct, frozen=True, tag=True):
    """Renditions from large to small; width and height are the large one's; the placeholder is a blurhash."""

    renditions: tuple[Rendition, ...]
    width_px: int
    height_px: int
    placeholder: str


class Spoiled(msgspec.Struct, frozen=True, tag=True):
    """The photo will never be developed, for a reason that is stable: a `Refusal`, or the sandbox's `film_...`."""

    reason: str


def develop(original: bytes, film: str, day: date | None = None) -> Developed | Spoiled:
    """What `film` makes of `original` (JPEG, PNG, WebP or HEIC). An unknown film is a KeyError: the edge lets none in.

    `day` is stamped by a film that has a stamp; without a day it stamps none. Sizes are 1920..2048, 1080 and 320 along
    the long edge, never larger than the original. 12 MP take about 0.12 s of CPU. The bytes come from a stranger: call
    it through `processors.sandbox`.
    """
    try:
        picture = negative(original)
    except Refused as refusal:
        return Spoiled(refusal.reason)
    large = exposed(picture, FILMS[film], hashlib.sha256(original).digest(), day)
    medium = resized(large, MEDIUM_PX, Image.Resampling.HAMMING)
    small = resized(medium, SMALL_PX, Image.Resampling.LANCZOS)
    renditions = (_rendition("large", large), _rendition("medium", medium), _rendition("small", small))
    return Developed(renditions, large.width, large.height, _placeholder(small))


def load(films: tuple[str, ...] = tuple(FILMS)) -> None:
    """Prepares what all photos share (0.2 s), before a sandbox limits itself to little more than it has then."""
    Image.preinit()
    for name in films:
        warm(FILMS[name])


def _rendition(name: RenditionName, picture: Image.Image) -> Rendition:
    """4:2:0 and plain tables: optimised ones cost a fifth more CPU and save one byte in thirty."""
    jpeg = BytesIO()
    picture.save(jpeg, "JPEG", quality=QUALITY[name], subsampling="4:2:0")
    return Rendition(name, picture.width, picture.height, jpeg.getvalue())


def _placeholder(picture: Image.Image) -> str:
    tiny = picture.resize(_tiny(picture.size), Image.Resampling.BOX)
    across, down = (4, 3) if picture.width >= picture.height else (3, 4)
    return blurhash(tiny.tobytes(), tiny.width, tiny.height, across, down)


def _tiny(size: tuple[int, int]) -> tuple[int, int]:
    width_px, height_px = (max(1, round(PLACEHOLDER_PX * edge / max(size))) for edge in size)
    return width_px, height_px
