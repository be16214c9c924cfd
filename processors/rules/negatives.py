"""From a stranger's bytes to a picture the film can be laid on: small enough, upright, sRGB.

Nothing is decoded before the header has been judged: a hostile file is refused within a few milliseconds.
"""

import struct
import warnings
import zlib
from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from math import ceil
from typing import Literal, NamedTuple

from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from processors.rules import heifs, strips
from processors.rules.heifs import Heif

Refusal = Literal[
    "not_an_image", "unsupported_type", "too_many_pixels", "too_many_scans", "too_much_memory", "truncated", "damaged"
]

# By content, never by name; a HEIC is told by `heifs`. Camera files with two pictures (MPO) come through JPEG. Naming
# the classes keeps Pillow from loading its forty other readers (70 ms) when it meets junk.
FORMATS = tuple(reader.format for reader in (JpegImageFile, PngImageFile, WebPImageFile))
OTHERS = (b"GIF8", b"II*\0", b"MM\0*", b"BM", b"<svg", b"<?xml", b"\0\0\1\0", b"8BPS", b"%PDF")
MAX_PIXELS = 50_000_000
MAX_PIXELS_WEBP = 25_000_000  # its decoder keeps four copies: 50 MP would take 730 MB, where PNG takes a tenth
MAX_SCANS = 64  # cameras and encoders write about ten
MAX_SCANNED_PIXELS = 640_000_000  # each scan of a progressive file walks over every pixel: 64 scans of 10 MP, 12 of 50
START_OF_SCAN = b"\xff\xda"
STRIP_ROWS = 64  # a multiple of every factor; 50 MP are some ninety strips of 2 MB
LARGE_MIN_PX, LARGE_MAX_PX = 1920, 2048  # a range, since libjpeg halves for free but not to an exact size

# What Pillow's readers raise for bytes that are not what their header says; anything else is a mistake of ours.
UNREADABLE = (OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, struct.error, zlib.error)

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112  # the EXIF tag


class Refused(Exception):
    """The original's fault; `reason` is one of the stable words above."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason: Refusal = reason


def negative(original: bytes) -> Image.Image:
    """`original` as an upright sRGB picture without metadata, long edge 1920..2048 or its own when smaller.

    Raises `Refused`. The order is the point: shrink while decoding, convert colours and turn afterwards.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a stranger's broken EXIF is no news of ours
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        picture, turn, profile = _heif(original) if heifs.is_heif(original) else _picture(original)
    picture = _fitted(_srgb(_flat(picture), profile))
    upright = picture if turn is None else picture.transpose(turn)
    upright.info.clear()  # a comment or a profile would be saved again
    return upright


class Decoded(NamedTuple):
    """A picture that is small enough, not yet upright, in the colours of `profile` (None: of sRGB)."""

    picture: Image.Image
    turn: Image.Transpose | None
    profile: bytes | None


def _picture(original: bytes) -> Decoded:
    """Of a JPEG, PNG or WebP."""
    image = _opened(original)
    _judge(image, original)
    return Decoded(*_decoded(image, original), image.info.get("icc_profile"))


def _heif(original: bytes) -> Decoded:
    """Of a HEIC, which libheif turns as its boxes say."""
    try:
        if heifs.declared(original) > MAX_PIXELS:
            raise Refused("too_many_pixels")
        image = Heif(original)
        picture = _joined(image.strips(STRIP_ROWS), image.size[1], _factor(image.size))
        return Decoded(picture, None, image.profile)
    except MemoryError as error:
        raise Refused("too_much_memory") from error
    except (*UNREADABLE, RuntimeError) as error:
        raise Refused(_told(error)) from error


def _told(error: Exception) -> Refusal:
    said = str(error).lower()
    return "too_much_memory" if "memory" in said else "truncated" if "truncated" in said else "damaged"


def _opened(original: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(original), formats=FORMATS)
    except UnidentifiedImageError as error:
        other = original[:16].lstrip().startswith(OTHERS) or original[4:8] == b"ftyp"  # AVIF, films
        raise Refused("unsupported_type" if other else "not_an_image") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Refused("too_many_pixels") from error
    except UNREADABLE as error:
        raise Refused("damaged") from error


def _judge(image: Image.Image, original: bytes) -> None:
    """Refuses by header and by counting; `ff da` cannot occur inside a scan's data, where ff is followed by 00."""
    pixels = image.width * image.height
    if pixels > (MAX_PIXELS_WEBP if image.format == "WEBP" else MAX_PIXELS):
        raise Refused("too_many_pixels")
    if isinstance(image, JpegImageFile):
        scans = original.count(START_OF_SCAN)
        if scans > MAX_SCANS or scans * pixels > MAX_SCANNED_PIXELS:
            raise Refused("too_many_scans")


def _decoded(image: Image.Image, original: bytes) -> tuple[Image.Image, Image.Transpose | None]:
    try:
        factor = _factor(image.size)
        if factor > 1 and isinstance(image, PngImageFile) and strips.divisible(image):
            rows = strips.strips(image, original, STRIP_ROWS)
            return _joined(rows, image.height, factor), _turn(strips.without_pixels(image, original))
        return _shrunk(image, factor), _turn(image)  # in this order: a PNG may keep its EXIF behind the pixels
    except MemoryError as error:
        raise Refused("too_much_memory") from error
    except UNREADABLE as error:
        raise Refused(_told(error)) from error


def _factor(size: tuple[int, int]) -> int:
    """How much smaller a picture may be made while it is decoded."""
    return max(f for f in (1, 2, 4, 8) if f == 1 or max(size) // f >= LARGE_MIN_PX)


def _shrunk(image: Image.Image, factor: int) -> Image.Image:
    """Decoded, and halved as often as leaves the long edge >= 1920: a JPEG inside libjpeg, the others right after."""
    if isinstance(image, JpegImageFile):
        image.draft("RGB", (max(1, image.width // factor), max(1, image.height // factor)))
        image.load()
        return image
    image.load()
    return image if factor == 1 else _plain(image).reduce(factor)


def _joined(parts: Iterable[Image.Image], height: int, factor: int) -> Image.Image:
    """What `_shrunk` gives, of strips from top to bottom, in a tenth of the memory."""
    joined, top = Image.new("1", (1, 1)), 0
    for strip in parts:
        part = _plain(strip).reduce(factor)
        if top == 0:
            joined = Image.new(part.mode, (part.width, ceil(height / factor)))
        joined.paste(part, (0, top))
        top += part.height
    return joined


def _plain(image: Image.Image) -> Image.Image:
    """With eight-bit channels that can be averaged: a palette's numbers cannot, and sixteen bits would be clipped."""
    if image.mode == "I;16":
        return image.point(lambda level: level / 256).convert("L")
    if image.mode in ("L", "LA", "RGB", "RGBA") and not (image.has_transparency_data and "A" not in image.mode):
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _flat(image: Image.Image) -> Image.Image:
    """Without transparency: what shone through becomes white paper."""
    plain = image if image.mode == "CMYK" else _plain(image)
    if "A" not in plain.mode:
        return plain
    paper = Image.new("RGBA", plain.size, "white")
    return Image.alpha_composite(paper, plain.convert("RGBA")).convert("RGB")


def _srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """In the colours of sRGB; a profile that cannot be read, or is for other channels, is as good as none."""
    transform = _transform(profile, picture.mode) if profile else None
    if transform is None:
        return picture.convert("RGB")
    return transform.apply(picture)


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Phones have a handful of profiles between them, and building a transform costs more than applying it."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.ImageCmsTransform(source, srgb, mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _fitted(picture: Image.Image) -> Image.Image:
    return picture if max(picture.size) <= LARGE_MAX_PX else resized(picture, LARGE_MAX_PX, Image.Resampling.HAMMING)


def resized(picture: Image.Image, long_edge_px: int, filtering: Image.Resampling) -> Image.Image:
    """`picture` with this long edge; one that is smaller already stays as it is."""
    if max(picture.size) <= long_edge_px:
        return picture
    scale = long_edge_px / max(picture.size)
    width_px, height_px = (max(1, round(edge * scale)) for edge in picture.size)
    return picture.resize((width_px, height_px), filtering)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How the camera was held; EXIF that cannot be read says nothing."""
    try:
        return UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
    except UNREADABLE:
        return None
