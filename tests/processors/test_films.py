import re
from pathlib import Path

import pytest

from processors.__main__ import main
from processors.films import DAY
from processors.rules.film import Developed, develop
from processors.rules.stocks import FILMS
from tests import photographs as pictures


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheet")
    (folder / "a face.jpg").write_bytes(pictures.portrait())
    (folder / "junk.png").write_bytes(pictures.junk())
    main(["films", str(folder / "a face.jpg"), str(folder / "junk.png"), "--out", str(folder / "new" / "out")])
    return folder / "new" / "out"


def test_the_contact_sheet_shows_every_film_by_name_with_its_words(sheet: Path) -> None:
    page = (sheet / "index.html").read_text()

    for film in FILMS.values():
        assert film.name in page
        assert film.says in page


def test_every_picture_and_link_of_the_page_is_a_file_beside_it(sheet: Path) -> None:
    linked = set(re.findall(r'(?:src|href)="([^"]+)"', (sheet / "index.html").read_text()))

    assert all((sheet / name).is_file() for name in linked)
    assert len(linked) == 2 + 2 * len(FILMS)  # two originals; a middle and a large picture of each film


def test_the_pictures_are_what_a_phone_would_be_sent(sheet: Path) -> None:
    made = develop(pictures.portrait(), "silver-400")

    for rendition in getattr(made, "renditions", ()):
        assert (sheet / f"1-silver-400-{rendition.name}.jpg").read_bytes() == rendition.jpeg


def test_a_film_with_a_date_back_shows_a_day(sheet: Path) -> None:
    made = develop(pictures.portrait(), "keepsake-200", DAY)

    assert isinstance(made, Developed)
    assert (sheet / "1-keepsake-200-small.jpg").read_bytes() == made.renditions[2].jpeg


def test_a_photograph_that_cannot_be_developed_says_so_on_the_page(sheet: Path) -> None:
    assert (sheet / "index.html").read_text().count("spoiled: not_an_image") == len(FILMS)


def test_the_sheet_of_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["films"])
    assert "PHOTOGRAPH" in capsys.readouterr().err.upper()
