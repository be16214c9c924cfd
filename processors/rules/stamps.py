"""The day in the corner, as the backs of compact cameras burnt it into the film: seven small lamps for each digit.

Drawn from numbers and not from a font, so that the bytes depend on no file. A stamp costs under 2 ms, and nothing for
the next photo of the same day and size.
"""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFilter

from processors.rules.stocks import DateStamp

Point = tuple[float, float]

# Which of the lamps burn: a at the top, then clockwise b to f, g in the middle.
LAMPS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
ENDS: dict[str, tuple[Point, Point]] = {  # of each lamp, in a cell of 1 x 2
    "a": ((0, 0), (1, 0)), "b": ((1, 0), (1, 1)), "c": ((1, 1), (1, 2)), "d": ((0, 2), (1, 2)),
    "e": ((0, 1), (0, 2)), "f": ((0, 0), (0, 1)), "g": ((0, 1), (1, 1)),
}  # fmt: skip

# In heights of a digit.
CELL, ADVANCE, NARROW = 0.54, 0.78, 0.46
STROKE, GAP = 0.16, 0.025
SLANT = 0.08
GLOW = 0.16
PAD = 3 * GLOW  # around the digits, for the glow to fade in

FINER = 4  # drawn so much larger and averaged: Pillow's polygons have hard edges
SMALLEST_PX = 5  # digits below cannot be read


def stamp(picture: Image.Image, kind: DateStamp, day: date) -> None:
    """Burns `day` into the lower right corner of the RGB `picture`, in place; one that is too small stays as it is."""
    digit_px = round(kind.size * min(picture.size))
    if digit_px < SMALLEST_PX:
        return
    digits, glow = _masks(written(day), digit_px)
    away = round(kind.margin * min(picture.size)) - round(PAD * digit_px)
    corner = (picture.width - digits.width - away, picture.height - digits.height - away)
    picture.paste(kind.glow, corner, glow)
    picture.paste(kind.tint, corner, digits)


def written(day: date) -> str:
    """Year, month and day; a small number is not filled up with a nought: `'26  7  4`."""
    return f"'{day.year % 100:02} {day.month:2} {day.day:2}"


@lru_cache(maxsize=8)
def _masks(text: str, digit_px: int) -> tuple[Image.Image, Image.Image]:
    """Where the lamps burn, and where their light goes; both L, equally large."""
    fine_px = FINER * digit_px
    width = 2 * PAD + SLANT + sum(map(_advance, text)) - (ADVANCE - CELL)
    size = (FINER * round(width * digit_px), FINER * round((1 + 2 * PAD) * digit_px))
    drawn = Image.new("L", size)
    pencil = ImageDraw.Draw(drawn)
    for lamp in _lamps(text):
        pencil.polygon([(x * fine_px, y * fine_px) for x, y in lamp], fill=255)
    digits = drawn.reduce(FINER)
    soft = digits.filter(ImageFilter.GaussianBlur(GLOW * digit_px))
    return digits.filter(ImageFilter.GaussianBlur(digit_px / 40)), soft.point(
        [min(255, 2 * i) * 3 // 5 for i in range(256)]
    )


def _lamps(text: str) -> Iterator[list[Point]]:
    """The burning lamps from left to right, as polygons in heights of a digit."""
    left = PAD
    for char in text:
        if char == "'":
            yield [_slanted(left + x, PAD + y) for x, y in ((0, 0), (STROKE, 0), (STROKE, 0.3), (0, 0.3))]
        for lamp in LAMPS[int(char)] if char.isdigit() else "":
            yield [_slanted(left + x, PAD + y) for x, y in _lamp(*ENDS[lamp])]
        left += _advance(char)


def _advance(char: str) -> float:
    return ADVANCE if char.isdigit() else NARROW


def _lamp(start: Point, end: Point) -> list[Point]:
    """A bar with pointed ends, a little apart from its neighbours."""
    (x0, y0), (x1, y1) = ((_inside(x, CELL), _inside(y / 2, 1)) for x, y in (start, end))
    half = STROKE / 2
    if y0 == y1:
        x0, x1 = x0 + GAP, x1 - GAP
        return [
            (x0, y0),
            (x0 + half, y0 - half),
            (x1 - half, y0 - half),
            (x1, y0),
            (x1 - half, y0 + half),
            (x0 + half, y0 + half),
        ]
    y0, y1 = y0 + GAP, y1 - GAP
    return [
        (x0, y0),
        (x0 + half, y0 + half),
        (x0 + half, y1 - half),
        (x0, y1),
        (x0 - half, y1 - half),
        (x0 - half, y0 + half),
    ]


def _inside(share: float, length: float) -> float:
    """The middle of a lamp's stroke, so that the whole stroke lies within the cell."""
    return STROKE / 2 + share * (length - STROKE)


def _slanted(x: float, y: float) -> Point:
    return x + SLANT * (1 + PAD - y), y
