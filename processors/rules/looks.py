"""How a film looks: colour, fade, grain and the dark corners, on a picture that already has its final size.

Order matters: grain and vignette are multiplied in first and the curves bend the result, so that the lifted blacks of a
faded print stay clean. Figures are CPU of one core on 3 MP, Pillow 13.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

import msgspec
from PIL import Image, ImageChops, ImageFilter, ImageStat

Curve = tuple[tuple[int, int], ...]
Size = tuple[int, int]

GRAIN_EDGE_PX = 2304  # 2048, the longest rendition, and 256 to slide: one layer serves every photo
FULL_EDGE_PX = 1920  # from here on grain is as it was made
VIGNETTE_EDGE_PX = 256  # drawn once at this size and stretched: the eye sees no step in so slow a gradient
CENTRE = 0.955  # the layer's brightness without vignette, which leaves grain room to brighten; the curves undo it


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """A film stock. `matrix` rows are what red, green and blue become; curves run through (in, out) of 0..255."""

    name: str
    matrix: tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
    red: Curve
    green: Curve
    blue: Curve
    grain_sigma: float  # standard deviation in levels of 255
    grain_softness: float  # share of the blurred copy: 0 is digital noise, 1 is fog
    vignette_depth: float  # how much of the light the corners lose
    vignette_start: float  # where it begins, as a share of the way from the centre to a corner
    vignette_power: float


FILMS = {
    film.name: film
    for film in (
        Film(  # everyday colour negative: warm light, cool lifted shadows, greens that lean to olive
            name="darkroom-400",
            matrix=((0.92, 0.06, 0.02), (0.03, 0.93, 0.04), (0.04, 0.09, 0.87)),
            red=((0, 20), (60, 58), (128, 140), (200, 216), (255, 250)),
            green=((0, 17), (60, 55), (128, 131), (200, 206), (255, 243)),
            blue=((0, 28), (60, 55), (128, 119), (200, 184), (255, 222)),  # keeps dark skin brown: docs/adr/0007
            grain_sigma=8.6,
            grain_softness=0.55,
            vignette_depth=0.34,
            vignette_start=0.3,
            vignette_power=2.2,
        ),
    )
}


def exposed(picture: Image.Image, film: Film, seed: bytes) -> Image.Image:
    """The RGB `picture` (long edge <= 2048) as `film` would have taken it; two bytes of `seed` place the grain.

    One matrix and one table: a Color3DLUT would take 68 ms for what these do in 13.
    """
    toned = picture.convert("RGB", tuple(weight for row in film.matrix for weight in (*row, 0.0)))
    lit = ImageChops.multiply(toned, _light(film, picture.size, seed).convert("RGB"))
    return lit.point(_tables(film))


def warm(film: Film) -> None:
    """Makes what every photo shares (0.2 s), so that the first one does not wait for it."""
    _grain(film)
    _vignette(film)
    _tables(film)


def _light(film: Film, size: Size, seed: bytes) -> Image.Image:
    """What the film lets through at each pixel, as an L picture: grain times vignette."""
    return ImageChops.multiply(_laid(film, size, seed), _vignette(film).resize(size, Image.Resampling.BILINEAR))


def _laid(film: Film, size: Size, seed: bytes) -> Image.Image:
    """Grain of this size. A small original gets finer grain, half way to what shrinking a large print would leave."""
    zoom = max(1.0, (FULL_EDGE_PX / max(size)) ** 0.5)
    width, height = (min(GRAIN_EDGE_PX, round(edge * zoom)) for edge in size)
    left, top = seed[0] % (GRAIN_EDGE_PX - width + 1), seed[1] % (GRAIN_EDGE_PX - height + 1)
    grain = _grain(film).crop((left, top, left + width, top + height))
    return grain if grain.size == size else grain.resize(size, Image.Resampling.HAMMING)


@lru_cache(maxsize=8)
def _grain(film: Film) -> Image.Image:
    """Soft noise around `CENTRE`. Four byte planes make it nearly normal; SHAKE makes it the same on every machine."""
    pixels = GRAIN_EDGE_PX**2
    noise = hashlib.shake_256(film.name.encode()).digest(4 * pixels)
    one, two, three, four = (
        Image.frombytes("L", (GRAIN_EDGE_PX, GRAIN_EDGE_PX), noise[start : start + pixels])
        for start in range(0, 4 * pixels, pixels)
    )
    sharp = ImageChops.add(ImageChops.add(one, two, scale=2), ImageChops.add(three, four, scale=2), scale=2)
    soft = Image.blend(sharp, sharp.filter(ImageFilter.BoxBlur(1)), film.grain_softness)
    found = ImageStat.Stat(soft)
    contrast = film.grain_sigma / found.stddev[0]
    return soft.point([_level(255 * CENTRE + (level - found.mean[0]) * contrast) for level in range(256)])


@lru_cache(maxsize=8)
def _vignette(film: Film) -> Image.Image:
    centre = (VIGNETTE_EDGE_PX - 1) / 2
    corner = centre * 2**0.5
    light = bytearray()
    for y in range(VIGNETTE_EDGE_PX):
        for x in range(VIGNETTE_EDGE_PX):
            away = ((x - centre) ** 2 + (y - centre) ** 2) ** 0.5 / corner
            inside = max(0.0, (away - film.vignette_start) / (1 - film.vignette_start))
            light.append(_level(255 * (1 - film.vignette_depth * inside**film.vignette_power)))
    return Image.frombytes("L", (VIGNETTE_EDGE_PX, VIGNETTE_EDGE_PX), bytes(light))


@lru_cache(maxsize=8)
def _tables(film: Film) -> list[int]:
    """The three curves as one table of 768 levels, with the grain's dimming taken back."""
    return [
        _level(level)
        for curve in (film.red, film.green, film.blue)
        for level in _bent(curve, (i / CENTRE for i in range(256)))
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
