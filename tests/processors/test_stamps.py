"""The day in the corner: there, readable, upright, orange, and nowhere else."""

from datetime import date
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image, ImageChops, ImageStat

from processors.rules.film import Developed, develop
from processors.rules.looks import exposed
from processors.rules.stamps import ENDS, LAMPS, stamp, written
from processors.rules.stocks import FILMS, DateStamp, Film
from tests import photographs as pictures

DAY = date(2026, 11, 21)
SEED = b"\x07\x2a\xff"
STAMPING = [film for film in FILMS.values() if film.stamp]
KIND = DateStamp(tint=(255, 150, 50), glow=(255, 70, 10))
SEEN = 40  # levels by which a stamp differs from what it covers

every_stamping_film = pytest.mark.parametrize("film", STAMPING, ids=lambda film: film.name)


def stamped(size: tuple[int, int], day: date = DAY, ground: str = "black") -> Image.Image:
    picture = Image.new("RGB", size, ground)
    stamp(picture, KIND, day)
    return picture


def place(one: Image.Image, other: Image.Image) -> tuple[int, int, int, int] | None:
    """The box of what is plainly different."""
    return apart(one, other).getbbox()


def apart(one: Image.Image, other: Image.Image) -> Image.Image:
    """A mask of the same."""
    return ImageChops.difference(one, other).convert("L").point([0] * SEEN + [255] * (256 - SEEN))


def test_there_is_a_film_that_stamps() -> None:
    assert STAMPING


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (DAY, "'26 11 21"),
        (date(2026, 7, 4), "'26  7  4"),
        (date(2000, 1, 10), "'00  1 10"),
        (date(1998, 12, 3), "'98 12  3"),
    ],
)
def test_a_day_is_year_month_and_day_as_those_cameras_wrote_it(day: date, text: str) -> None:
    assert written(day) == text


def test_every_digit_burns_lamps_of_its_own() -> None:
    assert len({frozenset(lamps) for lamps in LAMPS}) == 10
    assert set(LAMPS[8]) == set(ENDS)


@pytest.mark.parametrize("size", [(2048, 1536), (1536, 2048), (1080, 1080), (640, 427), (2048, 900), (320, 240)])
def test_it_lies_in_the_lower_right_corner_however_the_picture_stands(size: tuple[int, int]) -> None:
    found = place(stamped(size), Image.new("RGB", size))

    assert found is not None
    left, top, right, bottom = found
    short = min(size)
    assert right == pytest.approx(size[0] - KIND.margin * short, abs=0.015 * short + 2)
    assert bottom == pytest.approx(size[1] - KIND.margin * short, abs=0.015 * short + 2)
    assert bottom - top == pytest.approx(KIND.size * short, abs=0.015 * short + 2)
    assert 4 < (right - left) / (bottom - top) < 7


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_it_is_upright_however_the_camera_was_held(orientation: int) -> None:
    original = pictures.a_telling_photo(orientation)
    with_, without = (develop(original, STAMPING[0].name, day) for day in (DAY, None))
    assert isinstance(with_, Developed)
    assert isinstance(without, Developed)

    for one, other in zip(with_.renditions, without.renditions, strict=True):
        found = place(Image.open(BytesIO(one.jpeg)), Image.open(BytesIO(other.jpeg)))
        assert found is not None
        left, top, right, bottom = found
        assert left > one.width_px / 3
        assert top > one.height_px * 3 / 4
        assert right - left > 3 * (bottom - top)


@every_stamping_film
@pytest.mark.parametrize("ground", ["black", "white", "teal", "gray"])
def test_it_is_orange_and_can_be_read_on_any_ground(film: Film, ground: str) -> None:
    plain, dated = (exposed(Image.new("RGB", (1600, 1200), ground), film, SEED, day) for day in (None, DAY))
    lit = apart(plain, dated)
    assert lit.getbbox() is not None

    red, green, blue = ImageStat.Stat(dated, lit).mean
    assert red > 170
    assert red - 40 > green > blue


def test_different_days_look_different_and_the_same_day_the_same() -> None:
    days = [date(2026, 11, 21), date(2026, 11, 22), date(2026, 12, 21), date(2025, 11, 21), date(2026, 1, 1)]
    seen = {stamped((320, 240), day).tobytes() for day in days}

    assert len(seen) == len(days)
    assert stamped((320, 240)).tobytes() == stamped((320, 240)).tobytes()


@pytest.mark.parametrize("film", FILMS)
def test_only_a_film_with_a_stamp_and_a_photo_with_a_day_show_one(film: str) -> None:
    small = pictures.jpeg(Image.open(BytesIO(pictures.landscape())).resize((320, 214)), quality=92)

    assert (develop(small, film, DAY) == develop(small, film)) == (FILMS[film].stamp is None)


@pytest.mark.parametrize("size", [(1, 1), (1, 2048), (2048, 1), (90, 90), (100, 2048)])
def test_a_picture_that_is_too_small_for_it_stays_as_it_is(size: tuple[int, int]) -> None:
    assert stamped(size).getbbox() is None


@settings(max_examples=40, deadline=None, derandomize=True)
@given(width=some.integers(1, 700), height=some.integers(1, 700), day=some.dates())
def test_it_never_leaves_the_picture(width: int, height: int, day: date) -> None:
    edge = place(stamped((width, height), day), Image.new("RGB", (width, height)))

    assert edge is None or (edge[0] > 0 and edge[1] > 0 and edge[2] < width and edge[3] < height)
