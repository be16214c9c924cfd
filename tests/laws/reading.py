"""What everybody in a community is told by the real api, held against the census."""

import time
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import TypeVar

import msgspec

from schemas.ids import UserId
from tests.laws import looks
from tests.laws.census import Census
from tests.laws.stage import Stage

PAGE = 100
LINES = 20  # of a long run, seen with `pytest -s`
Item = TypeVar("Item")


def with_progress(items: Sequence[Item], what: str) -> Iterator[Item]:
    """The items; a line now and then says how far the run has come."""
    began, every = time.monotonic(), len(items) // LINES + 1
    for number, item in enumerate(items):
        if number % every == 0:
            print(f"{what}: {number} of {len(items)}, {time.monotonic() - began:.0f} s", flush=True)
        yield item


async def home(stage: Stage, reader: UserId) -> tuple[list[str], bytes]:
    """The ids of the whole feed, page by page; and the pages as they came."""
    found, raw, cursor = list[str](), blake2b(digest_size=16), None
    while True:
        page = await stage.ask(looks.HOME, reader, limit=PAGE, cursor=cursor)
        assert page is not None
        found += [item["id"] for item in page["items"]]
        raw.update(msgspec.json.encode(page))
        cursor = page["next_cursor"]
        if cursor is None:
            return found, raw.digest()


async def answers(stage: Stage, census: Census, people: Sequence[UserId]) -> dict[UserId, bytes]:
    """Every feed is the oracle's; and everything that person and their neighbour are told, to be compared."""
    told = {}
    for number, reader in enumerate(with_progress(people, "read to the end")):
        found, pages = await home(stage, reader)
        _equals_the_oracle(census, reader, found)
        rest = [await stage.ask(looks.PERSON, asks, reader) for asks in (reader, people[number - 1])]
        rest += [
            await stage.ask(path, people[number - 1], reader, limit=PAGE) for path in (looks.GRID, looks.FOLLOWERS)
        ]
        told[reader] = pages + blake2b(msgspec.json.encode(rest), digest_size=16).digest()
    return told


def _equals_the_oracle(census: Census, reader: UserId, found: Sequence[str]) -> None:
    """All of it, down to the first photo of whoever took most."""
    wanted = census.home(reader)
    assert found == wanted, f"feed of {reader}: {found}; expected {wanted}"
