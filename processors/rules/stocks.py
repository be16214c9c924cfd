"""The films on the shelf, as data; `looks` is what lays them on a picture.

A film may not change once a photo was developed with it (docs/adr/0007): a new look is a new name. What all of them
keep is in tests/processors/test_stocks.py: skin stays skin, nothing is burnt out. Look before you judge, at faces and
daylight: `python -m processors films`.
"""

import msgspec

Curve = tuple[tuple[int, int], ...]
Weights = tuple[float, float, float]
Tint = tuple[int, int, int]


class Grain(msgspec.Struct, frozen=True, kw_only=True):
    """Silver or dye clouds, multiplied into the picture."""

    sigma: float  # standard deviation in levels of 255, for grain of size 1
    size: float = 1.0  # of one grain, in pixels of a print of 2048; up to 2
    room: float = 0.045  # how far grain may brighten, as a share; the curves take the dimming back


class Vignette(msgspec.Struct, frozen=True, kw_only=True):
    """The dark corners of a simple lens."""

    depth: float  # how much of the light the corners lose
    start: float = 0.3  # where it begins, as a share of the way from the centre to a corner
    power: float = 2.2


class Halation(msgspec.Struct, frozen=True, kw_only=True):
    """Light that went through the film and came back from behind it: a glow around lamps."""

    tint: Tint
    strength: float  # share of the tint right beside a lamp


class LightLeak(msgspec.Struct, frozen=True, kw_only=True):
    """A back that does not close well: light from one side. The photo's seed chooses which, or none."""

    tint: Tint
    strength: float  # share of the tint on the edge
    reach: float  # how far it comes in, as a share of the picture


class DateStamp(msgspec.Struct, frozen=True, kw_only=True):
    """A camera's date back: small lamps that burn the day into the lower right corner."""

    tint: Tint
    glow: Tint  # of the light around the lamps
    size: float = 0.04  # of a digit, as a share of the picture's short edge
    margin: float = 0.065  # from the right and from below, likewise


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """A film stock. `matrix` rows are what red, green and blue become; curves run through (in, out) of 0..255."""

    name: str
    says: str  # for whoever chooses one
    matrix: tuple[Weights, Weights, Weights]
    red: Curve
    green: Curve
    blue: Curve
    grain: Grain
    vignette: Vignette
    halation: Halation | None = None
    leak: LightLeak | None = None
    stamp: DateStamp | None = None

    @property
    def black_and_white(self) -> bool:
        """True when no colour is left of what was photographed."""
        return self.matrix[0] == self.matrix[1] == self.matrix[2]


SILVER: Curve = ((0, 7), (48, 33), (100, 92), (156, 161), (210, 216), (255, 249))

FILMS = {
    film.name: film
    for film in (
        Film(
            name="darkroom-400",
            says="Everyday colour negative: warm light, cool lifted shadows, greens that lean to olive.",
            matrix=((0.92, 0.06, 0.02), (0.03, 0.93, 0.04), (0.04, 0.09, 0.87)),
            red=((0, 20), (60, 58), (128, 140), (200, 216), (255, 250)),
            green=((0, 17), (60, 55), (128, 131), (200, 206), (255, 243)),
            blue=((0, 28), (60, 55), (128, 119), (200, 184), (255, 222)),  # keeps dark skin brown: docs/adr/0007
            grain=Grain(sigma=8.6),
            vignette=Vignette(depth=0.34),
        ),
        Film(
            name="daylight-100",
            says="Slide film for the beach at noon: clear colours, deep skies, hardly any grain.",
            matrix=((1.03, -0.01, -0.02), (-0.02, 1.04, -0.02), (-0.02, -0.03, 1.05)),
            red=((0, 8), (60, 54), (128, 131), (200, 210), (255, 250)),
            green=((0, 8), (60, 53), (128, 130), (200, 210), (255, 249)),
            blue=((0, 13), (60, 55), (128, 126), (200, 203), (255, 244)),
            grain=Grain(sigma=4.2),
            vignette=Vignette(depth=0.16),
        ),
        Film(
            name="linen-160",
            says="Portrait film: pale, soft and open, with shadows of milk and skin of peach.",
            matrix=((0.93, 0.05, 0.02), (0.04, 0.92, 0.04), (0.04, 0.08, 0.88)),
            red=((0, 30), (60, 74), (128, 144), (200, 210), (255, 249)),
            green=((0, 29), (60, 70), (128, 138), (200, 205), (255, 246)),
            blue=((0, 32), (60, 69), (128, 131), (200, 195), (255, 236)),
            grain=Grain(sigma=5.0),
            vignette=Vignette(depth=0.12),
        ),
        Film(
            name="lantern-800",
            says="Night film: amber lamps with a red glow, ink-blue shadows, coarse grain.",
            matrix=((0.94, 0.05, 0.01), (0.04, 0.92, 0.04), (0.03, 0.09, 0.88)),
            red=((0, 10), (60, 59), (128, 142), (200, 219), (255, 252)),
            green=((0, 13), (60, 54), (128, 129), (200, 201), (255, 239)),
            blue=((0, 24), (60, 52), (128, 112), (200, 174), (255, 217)),
            grain=Grain(sigma=11.0, size=1.5, room=0.06),
            vignette=Vignette(depth=0.38),
            halation=Halation(tint=(255, 104, 40), strength=0.7),
        ),
        Film(
            name="getaway-200",
            says="A single-use camera: faded, dark in the corners, and the back lets a little light in.",
            matrix=((0.90, 0.07, 0.03), (0.04, 0.92, 0.04), (0.04, 0.10, 0.86)),
            red=((0, 26), (60, 64), (128, 144), (200, 218), (255, 250)),
            green=((0, 22), (60, 58), (128, 131), (200, 203), (255, 240)),
            blue=((0, 34), (60, 60), (128, 117), (200, 176), (255, 212)),
            grain=Grain(sigma=10.0, size=1.25, room=0.055),
            vignette=Vignette(depth=0.46, start=0.22, power=1.9),
            leak=LightLeak(tint=(255, 124, 48), strength=0.75, reach=0.34),
        ),
        Film(
            name="silver-400",
            says="Black and white with real blacks, bright skin and the grain of a newspaper photographer.",
            matrix=((0.36, 0.50, 0.14),) * 3,
            red=SILVER,
            green=SILVER,
            blue=SILVER,
            grain=Grain(sigma=11.5, size=1.35, room=0.06),
            vignette=Vignette(depth=0.26),
        ),
        Film(
            name="keepsake-200",
            says="A compact camera of the nineties: crisp, a little green in the shadows, and the day in the corner.",
            matrix=((0.99, 0.02, -0.01), (0.00, 0.99, 0.01), (0.02, 0.05, 0.93)),
            red=((0, 9), (60, 52), (128, 133), (200, 215), (255, 252)),
            green=((0, 17), (60, 57), (128, 132), (200, 209), (255, 248)),
            blue=((0, 18), (60, 54), (128, 122), (200, 194), (255, 234)),
            grain=Grain(sigma=6.4),
            vignette=Vignette(depth=0.2),
            stamp=DateStamp(tint=(255, 152, 46), glow=(255, 74, 14)),
        ),
    )
}
