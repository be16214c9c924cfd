"""People with phones, for the length of one test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from local.people import Phone
from local.stack import Stack

Register = Callable[[str], Phone]


@pytest.fixture
def register(stack: Stack) -> Iterator[Register]:
    """Registers somebody at the running stack's public address."""
    with ExitStack() as phones:
        yield lambda name: phones.enter_context(closing(Phone.register(stack.settings.public_url, name)))
