"""Every film on the portrait, compared with a small picture of it in `golden/`.

`UPDATE_GOLDEN=1 pytest tests/processors/test_film_golden.py` draws them anew: look at the difference before you commit
it, for a film that was used may not change (docs/adr/0007). Unlike the digests in `test_film` these hold across
versions of Pillow and libjpeg. Measured as the mean difference in levels of 255: 0.0 with the locked versions, 0.85
with a decoder that is wrong by up to two levels at every pixel; the two films that are most alike are 6.9 apart.
"""

import os
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from processors.rules.film import Developed, develop
from processors.rules.stocks import FILMS
from tests import photographs as pictures

GOLDEN = Path(__file__).parent / "golden"
SIZE = (96, 112)
DAY = date(2026, 11, 21)  # for the film that stamps one
APART = 1.5  # levels of 255, mean over the picture of the channel that is furthest away


def drawn(film: str) -> Image.Image:
    made = develop(pictures.portrait(), film, DAY)
    assert isinstance(made, Developed)
    small = Image.open(BytesIO(made.renditions[2].jpeg))
    return small.resize(SIZE, Image.Resampling.BOX)


def golden(film: str) -> Image.Image:
    return Image.open(GOLDEN / f"{film}.png").convert("RGB")


def apart(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


@pytest.mark.parametrize("film", FILMS)
def test_a_film_looks_as_it_always_looked(film: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        drawn(film).save(GOLDEN / f"{film}.png", optimize=True)

    assert apart(drawn(film), golden(film)) < APART


def test_the_tolerance_tells_every_film_from_every_other() -> None:
    films = {film: golden(film) for film in FILMS}

    assert all(apart(films[one], films[other]) > 2 * APART for one in films for other in films if one < other)


def test_there_is_a_golden_picture_of_every_film_and_of_nothing_else() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(FILMS)
