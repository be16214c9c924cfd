"""The documents that must be true at every commit."""

import re
from pathlib import Path

import pytest

from schemas.settings import explained

INVARIANTS = Path("docs/invariants.md").read_text()


def test_the_settings_page_shows_every_setting_with_its_default_and_meaning() -> None:
    rows = re.findall(
        r"^\| `([A-Z0-9_]+)` \| (?:`(.*?)`)? ?\| (.*) \|$", Path("docs/settings.md").read_text(), re.MULTILINE
    )

    assert {name: (default, why) for name, default, why in rows} == explained()


def test_every_decision_is_listed() -> None:
    index = Path("docs/adr/README.md").read_text()

    assert all(f"({path.name})" in index for path in Path("docs/adr").glob("0*.md"))


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[\w/.*]+)`", INVARIANTS))))
def test_an_invariant_names_a_test_that_exists(named: str) -> None:
    assert list(Path().glob(named.rstrip("/")))


def test_the_readme_fits_two_screens_and_names_files_that_exist() -> None:
    readme = Path("README.md").read_text()

    assert len(readme.splitlines()) <= 100
    for path in re.findall(r"`((?:schemas|ingest|processors|api|sql|local|docs)/[\w./]+)`", readme):
        assert Path(path).exists(), f"the README names {path}"


def test_words_are_explained_once_and_in_order() -> None:
    words = re.findall(r"^\| ([a-z ]+) \|", Path("docs/glossary.md").read_text(), re.MULTILINE)[1:]

    assert words == sorted(set(words))
