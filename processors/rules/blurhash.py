"""The placeholder a client paints while a picture loads: some thirty characters that unfold into a blur.

The format is Wolt's (github.com/woltapp/blurhash, Algorithm.md): a few cosines per channel, in base 83.
"""

import math
from collections.abc import Sequence

Colour = tuple[float, float, float]  # linear light, 0..1

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"


def blurhash(rgb: bytes, width: int, height: int, across: int, down: int) -> str:
    """The hash of a tiny picture (`rgb`: three bytes a pixel, row by row) with `across` x `down` cosines, 1..9 each.

    Some 20 x 15 pixels are enough: 4 x 3 cosines cannot show more, and the cost is pixels times cosines.
    """
    linear = [_linear(byte) for byte in rgb]
    pixels = list(zip(linear[0::3], linear[1::3], linear[2::3], strict=True))
    mean, *waves = [_wave(pixels, width, height, i, j) for j in range(down) for i in range(across)]
    strongest = max((abs(value) for wave in waves for value in wave), default=0.0)
    scale = max(0, min(82, math.floor(strongest * 166 - 0.5)))
    size, peak = _digits(across - 1 + 9 * (down - 1), 1), _digits(scale, 1)
    return size + peak + _digits(_whole(mean), 4) + "".join(_digits(_quantised(w, (scale + 1) / 166), 2) for w in waves)


def _wave(pixels: Sequence[Colour], width: int, height: int, i: int, j: int) -> Colour:
    """How much of the cosine with `i` half turns across and `j` down is in the picture."""
    across = [math.cos(math.pi * i * x / width) for x in range(width)]
    down = [math.cos(math.pi * j * y / height) for y in range(height)]
    weights = [a * b for b in down for a in across]
    share = (1 if i == j == 0 else 2) / (width * height)
    red, green, blue = (share * sum(w * p[c] for w, p in zip(weights, pixels, strict=True)) for c in range(3))
    return red, green, blue


def _linear(byte: int) -> float:
    value = byte / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _srgb(value: float) -> int:
    value = max(0.0, min(1.0, value))
    return int((value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055) * 255 + 0.5)


def _whole(colour: Colour) -> int:
    red, green, blue = (_srgb(value) for value in colour)
    return red << 16 | green << 8 | blue


def _quantised(wave: Colour, strongest: float) -> int:
    """Three signed amplitudes in 19 steps each; the root gives small ones more of the steps."""
    number = 0
    for value in wave:
        root = math.copysign(math.sqrt(abs(value / strongest)), value)
        number = number * 19 + max(0, min(18, math.floor(root * 9 + 9.5)))
    return number


def _digits(number: int, length: int) -> str:
    return "".join(DIGITS[number // 83**place % 83] for place in reversed(range(length)))
