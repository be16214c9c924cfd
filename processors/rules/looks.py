"""How a film is laid on a picture that already has its final size: colour, date, grain, dark corners, glow, fade.

Order matters: grain and vignette are multiplied in first and the curves bend the result, so that the lifted blacks of a
faded print stay clean. Glows come in before the curves too, which keep them from burning out, and the date before the
grain, for it is of the same silver. What differs from film to
film is data (`stocks`). A film of matrix, grain and curves costs 33 ms of one core on 3 MP, a glow up to 15 more.
"""

import hashlib
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from itertools import pairwise
from math import ceil, exp, floor

from PIL import Image, ImageChops, ImageFilter, ImageStat

from processors.rules.stamps import stamp
from processors.rules.stocks import Curve, Film, Grain, LightLeak, Tint, Vignette

Size = tuple[int, int]
Box = tuple[int, int, int, int]

NOISE_EDGE_PX = 2304  # 2048, the longest rendition, and 256 to slide: one layer serves every photo and film
NOISE_SEED = b"darkroom-400"  # the first film's name; any would do, but it may not change
SOFTNESS = 0.55  # share of the blurred copy in the noise: 0 is digital noise, 1 is fog
FULL_EDGE_PX = 1920  # from here on grain is as it was made
VIGNETTE_EDGE_PX = 256  # drawn once at this size and stretched: the eye sees no step in so slow a gradient
HALO_EDGE_PX = 256  # a halo is made at about this size, likewise
HALO_BLUR = 1 / 70  # of that edge
HALO_GAIN = 6.0  # how soon a glow is as strong as it gets
LAMP = 230  # what is brighter than this shines through the film
LEAK_EDGE_PX = 64
ONE_IN = 6  # photos: as many leak as there are sides, or it would be a pattern and no accident
SIDES = (0, 90, 180, 270)  # degrees, which Pillow turns without loss


def exposed(picture: Image.Image, film: Film, seed: bytes, day: date | None = None) -> Image.Image:
    """The RGB `picture` (long edge <= 2048) as `film` would have taken it; `seed` (3 bytes) places grain and leak.

    `day` is what a date back would show; films without one do not ask.

    One matrix and one table: a Color3DLUT would take 68 ms for what these do in 13.
    """
    toned = picture.convert("RGB", tuple(weight for row in film.matrix for weight in (*row, 0.0)))
    if film.stamp and day:
        stamp(toned, film.stamp, day)
    lit = ImageChops.multiply(toned, _light(film, picture.size, seed).convert("RGB"))
    if film.halation:
        _shine(lit, film.halation.tint, _halo(toned, film.halation.strength))
    if film.leak and (side := seed[2] % ONE_IN) < len(SIDES):
        _shine(lit, film.leak.tint, _leak(film.leak).rotate(SIDES[side]))
    return lit.point(_tables(film))


def warm(film: Film) -> None:
    """Makes what every photo shares (0.2 s for the first film), so that the first one does not wait for it."""
    _noise(film.grain.size)
    _dimming(film.vignette)
    _tables(film)
    if film.leak:
        _leak(film.leak)


def _light(film: Film, size: Size, seed: bytes) -> Image.Image:
    """What the film lets through at each pixel, as an L picture: grain times vignette."""
    dimming = _dimming(film.vignette).resize(size, Image.Resampling.BILINEAR)
    return ImageChops.multiply(_laid(film.grain, size, seed), dimming)


def _laid(grain: Grain, size: Size, seed: bytes) -> Image.Image:
    """Grain of this size. A small original gets finer grain, half way to what shrinking a large print would leave."""
    zoom = max(1.0, (FULL_EDGE_PX / max(size)) ** 0.5)
    width, height = (min(NOISE_EDGE_PX, round(edge * zoom)) for edge in size)
    left, top = seed[0] % (NOISE_EDGE_PX - width + 1), seed[1] % (NOISE_EDGE_PX - height + 1)
    found = _noise(grain.size).crop((left, top, left + width, top + height)).point(_density(grain))
    return found if found.size == size else found.resize(size, Image.Resampling.HAMMING)


@lru_cache(maxsize=4)
def _noise(grain_px: float) -> Image.Image:
    """The one noise, with grains of this size: enlarged once, not for every photo (10 ms each)."""
    if grain_px == 1:
        return _finest()
    part = round(NOISE_EDGE_PX / grain_px)
    return _finest().resize((NOISE_EDGE_PX, NOISE_EDGE_PX), Image.Resampling.BICUBIC, (0, 0, part, part))


@lru_cache(maxsize=1)
def _finest() -> Image.Image:
    """Soft noise. Four byte planes make it nearly normal; SHAKE makes it the same on every machine."""
    pixels = NOISE_EDGE_PX**2
    noise = hashlib.shake_256(NOISE_SEED).digest(4 * pixels)
    one, two, three, four = (
        Image.frombytes("L", (NOISE_EDGE_PX, NOISE_EDGE_PX), noise[start : start + pixels])
        for start in range(0, 4 * pixels, pixels)
    )
    sharp = ImageChops.add(ImageChops.add(one, two, scale=2), ImageChops.add(three, four, scale=2), scale=2)
    return Image.blend(sharp, sharp.filter(ImageFilter.BoxBlur(1)), SOFTNESS)


@lru_cache(maxsize=1)
def _spread() -> tuple[float, float]:
    found = ImageStat.Stat(_finest())
    return found.mean[0], found.stddev[0]


@lru_cache(maxsize=16)
def _density(grain: Grain) -> list[int]:
    """From a level of the noise to a share of the light (255 is all of it), brightest `room` above the mean."""
    mean, deviation = _spread()
    return [_level(255 * (1 - grain.room) + (level - mean) * grain.sigma / deviation) for level in range(256)]


@lru_cache(maxsize=16)
def _dimming(vignette: Vignette) -> Image.Image:
    centre = (VIGNETTE_EDGE_PX - 1) / 2
    corner = centre * 2**0.5
    rows = []
    for y in range(VIGNETTE_EDGE_PX // 2):  # the quarter at the upper left; the others are its mirrors
        row = bytearray()
        for x in range(VIGNETTE_EDGE_PX // 2):
            away = ((x - centre) ** 2 + (y - centre) ** 2) ** 0.5 / corner
            inside = max(0.0, (away - vignette.start) / (1 - vignette.start))
            row.append(_level(255 * (1 - vignette.depth * inside**vignette.power)))
        rows.append(bytes(row + row[::-1]))
    return Image.frombytes("L", (VIGNETTE_EDGE_PX, VIGNETTE_EDGE_PX), b"".join(rows + rows[::-1]))


def _shine(lit: Image.Image, tint: Tint, mask: Image.Image) -> None:
    """Adds coloured light to `lit`, in place, where the small L `mask` is bright, and costs nothing where it is not."""
    if box := _spanned(mask, lit.size):
        left, top, right, bottom = box
        across, down = mask.width / lit.width, mask.height / lit.height
        part = (left * across, top * down, right * across, bottom * down)
        lit.paste(tint, box, mask.resize((right - left, bottom - top), Image.Resampling.BILINEAR, part))


def _spanned(mask: Image.Image, size: Size) -> Box | None:
    """The part of a picture of this size that the `mask`, once it is stretched, can touch."""
    found = mask.getbbox()
    if found is None:
        return None
    across, down = size[0] / mask.width, size[1] / mask.height
    left, top = max(0, floor((found[0] - 1) * across)), max(0, floor((found[1] - 1) * down))
    right, bottom = min(size[0], ceil((found[2] + 1) * across)), min(size[1], ceil((found[3] + 1) * down))
    return left, top, right, bottom


def _halo(toned: Image.Image, strength: float) -> Image.Image:
    """A mask of what is dark and near a lamp. A small lamp glows too, and a bright sky not much more."""
    small = toned.reduce(max(1, max(toned.size) // HALO_EDGE_PX)).convert("L")
    lamps = small.point([_level((level - LAMP) * 255 / (255 - LAMP)) for level in range(256)])
    soft = lamps.filter(ImageFilter.GaussianBlur(max(small.size) * HALO_BLUR))
    glow = soft.point([_level(255 * strength * (1 - exp(-HALO_GAIN * level / 255))) for level in range(256)])
    return ImageChops.multiply(glow, ImageChops.invert(small))


@lru_cache(maxsize=4)
def _leak(leak: LightLeak) -> Image.Image:
    """A mask: from the left, brightest a third down, gone at `reach`."""
    light = bytearray()
    for y in range(LEAK_EDGE_PX):
        for x in range(LEAK_EDGE_PX):
            inwards = max(0.0, 1 - x / (LEAK_EDGE_PX * leak.reach))
            down = max(0.0, 1 - ((y / LEAK_EDGE_PX - 0.35) / 0.6) ** 2)
            light.append(_level(255 * leak.strength * inwards**2 * down))
    return Image.frombytes("L", (LEAK_EDGE_PX, LEAK_EDGE_PX), bytes(light))


@lru_cache(maxsize=16)
def _tables(film: Film) -> list[int]:
    """The three curves as one table of 768 levels, with the grain's dimming taken back."""
    centre = 1 - film.grain.room
    return [
        _level(level)
        for curve in (film.red, film.green, film.blue)
        for level in _bent(curve, (i / centre for i in range(256)))
    ]


def _bent(curve: Curve, inputs: Iterable[float]) -> Iterable[float]:
    """Values of the monotone cubic through `curve` (Fritsch and Carlson, 1980): smooth, no overshooting."""
    slopes = [(y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in pairwise(curve)]
    inner = [2 * a * b / (a + b) if a * b > 0 else 0.0 for a, b in pairwise(slopes)]
    tangents = [slopes[0], *inner, slopes[-1]]
    for value in inputs:
        x = min(value, curve[-1][0])
        at = next(i for i in range(len(slopes)) if x <= curve[i + 1][0])
        (x0, y0), (x1, y1) = curve[at], curve[at + 1]
        width, t = x1 - x0, (x - x0) / (x1 - x0)
        yield (
            (1 + 2 * t) * (1 - t) ** 2 * y0
            + t * (1 - t) ** 2 * width * tangents[at]
            + t**2 * (3 - 2 * t) * y1
            + t**2 * (t - 1) * width * tangents[at + 1]
        )


def _level(value: float) -> int:
    return max(0, min(255, round(value)))
