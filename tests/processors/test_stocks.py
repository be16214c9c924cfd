"""What every film keeps, whatever its look: skin, highlights, grain that is grain."""

import colorsys
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image, ImageChops, ImageStat

from processors.rules.looks import SIDES, exposed
from processors.rules.stocks import FILMS, Film
from schemas import objects
from tests import photographs as pictures

SEED = b"\x07\x2a\xff"  # a photo that does not leak: ff is none of the sides
SKINS = ((255, 224, 196), (224, 172, 138), (165, 114, 87), (92, 58, 42))
PATCH_PX = 96

every_film = pytest.mark.parametrize("film", FILMS.values(), ids=FILMS)
every_colour_film = pytest.mark.parametrize(
    "film", [film for film in FILMS.values() if not film.black_and_white], ids=lambda film: film.name
)
a_skin = some.builds(
    lambda at, share: tuple(round(a + (b - a) * share) for a, b in zip(SKINS[at], SKINS[at + 1], strict=True)),
    some.integers(0, len(SKINS) - 2),
    some.floats(0, 1),
)


def shown(film: Film, colour: tuple[int, ...], seed: bytes = SEED) -> list[float]:
    """What `colour` has become in the middle of the picture, where there is no vignette: the mean of its grain."""
    patch = exposed(Image.new("RGB", (PATCH_PX, PATCH_PX), colour), film, seed)
    middle = (PATCH_PX // 4, PATCH_PX // 4, PATCH_PX * 3 // 4, PATCH_PX * 3 // 4)
    return ImageStat.Stat(patch.crop(middle)).mean


def grey(film: Film, level: int) -> float:
    return sum(shown(film, (level, level, level))) / 3


def hue_degrees(red: float, green: float, blue: float) -> float:
    return 360 * colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)[0]


def test_the_films_one_may_choose_are_the_films_there_are() -> None:
    assert tuple(FILMS) == objects.FILMS


@every_colour_film
@settings(max_examples=50, deadline=None, derandomize=True)
@given(skin=a_skin)
def test_skin_keeps_its_hue(film: Film, skin: tuple[int, int, int]) -> None:
    """Within 15 degrees, from the lightest to the darkest and everything between (docs/adr/0007)."""
    red, green, blue = shown(film, skin)

    assert hue_degrees(red, green, blue) == pytest.approx(hue_degrees(*skin), abs=15)
    assert red > green > blue  # never green, never rose


@every_film
@settings(max_examples=50, deadline=None, derandomize=True)
@given(skin=a_skin)
def test_skin_keeps_its_lightness(film: Film, skin: tuple[int, int, int]) -> None:
    assert sum(shown(film, skin)) / 3 == pytest.approx(sum(skin) / 3, abs=18)


@every_film
def test_light_skin_stays_lighter_than_dark_skin(film: Film) -> None:
    lightness = [sum(shown(film, skin)) for skin in SKINS]

    assert lightness == sorted(lightness, reverse=True)


def test_there_is_a_black_and_white_film_and_it_shows_no_colour_at_all() -> None:
    (film,) = [film for film in FILMS.values() if film.black_and_white]
    picture = Image.open(BytesIO(pictures.flower()))

    red, green, blue = exposed(picture, film, SEED).split()

    assert red.tobytes() == green.tobytes() == blue.tobytes()


def test_black_and_white_has_real_contrast() -> None:
    film = FILMS["silver-400"]

    assert grey(film, 0) < 12
    assert grey(film, 255) > 240
    assert grey(film, 160) - grey(film, 96) > 1.15 * (160 - 96)


@every_film
def test_neither_lights_nor_shadows_lose_their_drawing(film: Film) -> None:
    """White is not burnt out, black is not nothing, and what differs before still differs."""
    assert max(shown(film, (255, 255, 255))) < 254
    assert max(shown(film, (0, 0, 0))) < 40
    ramp = [grey(film, level) for level in range(0, 256, 15)]
    assert all(darker + 4 < lighter for darker, lighter in pairwise(ramp)), ramp


@every_film
def test_grain_is_seen_and_is_no_mush(film: Film) -> None:
    """At 100 % of a full print: it spreads, and much of the spread is between neighbours."""
    print_ = exposed(Image.new("RGB", (2048, 1365), (128, 128, 128)), film, SEED)
    middle = print_.crop((900, 560, 1156, 816)).convert("L")
    beside = ImageChops.subtract(middle, ImageChops.offset(middle, 1), scale=1, offset=128)

    spread, step = ImageStat.Stat(middle).stddev[0], ImageStat.Stat(beside).stddev[0]
    assert 1.5 < spread < 9
    assert step > 0.9 * spread  # 1.0 to 1.24; were all of it blurred, 0.76 to 1.07


@every_film
def test_a_seed_decides_everything_that_is_left_to_chance(film: Film) -> None:
    patch = Image.new("RGB", (320, 240), (128, 128, 128))

    assert exposed(patch, film, SEED).tobytes() == exposed(patch, film, SEED).tobytes()
    assert exposed(patch, film, SEED).tobytes() != exposed(patch, film, b"\x08\x2a\xff").tobytes()


@every_film
@pytest.mark.parametrize("size", [(1, 1), (1, 2048), (2048, 1), (3, 2), (2048, 2048)])
def test_every_size_can_be_exposed(film: Film, size: tuple[int, int]) -> None:
    assert exposed(Image.new("RGB", size, "teal"), film, SEED).size == size


def test_dark_beside_a_lamp_glows_red_and_far_from_it_does_not() -> None:
    night = Image.new("RGB", (640, 480), (20, 20, 30))
    night.paste((255, 250, 235), (300, 220, 340, 260))
    film = FILMS["lantern-800"]

    glowing = exposed(night, film, SEED)
    beside, far = (ImageStat.Stat(glowing.crop((x, 230, x + 8, 250))).mean for x in (344, 480))

    assert beside[0] > far[0] + 20
    assert beside[0] > beside[1] > beside[2]
    assert far[2] > far[0]


def test_light_leaks_from_one_side_or_none() -> None:
    film = FILMS["getaway-200"]
    dark = Image.new("RGB", (400, 400), (40, 40, 40))
    places = {
        "left": (0, 100, 20, 300),
        "right": (380, 100, 400, 300),
        "up": (100, 0, 300, 20),
        "down": (100, 380, 300, 400),
    }

    def lit(side: int) -> set[str]:
        leaking = exposed(dark, film, bytes((7, 42, side)))
        return {name for name, place in places.items() if ImageStat.Stat(leaking.crop(place)).mean[0] > 110}

    assert sorted(side for number in range(len(SIDES)) for side in lit(number)) == ["down", "left", "right", "up"]
    assert lit(len(SIDES)) == set()
