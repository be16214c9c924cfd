"""Two files as phones write them, and a decoder that knows them."""

import pytest

from processors.rules.film import load
from tests import photographs as pictures
from tests.processors.prints import landscape


@pytest.fixture(scope="session", autouse=True)
def _loaded() -> None:
    load()


@pytest.fixture(scope="session")
def plain() -> bytes:
    return pictures.heic(landscape())


@pytest.fixture(scope="session")
def grid() -> bytes:
    """In twenty tiles, as a phone writes it in hundreds."""
    return pictures.heic(landscape(), tile_size=128)
