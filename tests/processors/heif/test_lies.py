"""HEIC: what only claims to be one, or claims to be larger or smaller than it is, is refused at once."""

import random
import struct
import time
from collections.abc import Callable

import pytest

from processors.rules import heifs
from processors.rules.film import Spoiled, develop
from tests import photographs as pictures
from tests.processors.prints import FILM, landscape


def saying(original: bytes, width_px: int, height_px: int) -> bytes:
    """The same file, but every part of it claims this size."""
    lie, at = bytearray(original), original.find(b"ispe")
    while at >= 0:
        lie[at + 8 : at + 16] = struct.pack(">II", width_px, height_px)
        at = original.find(b"ispe", at + 4)
    return bytes(lie)


def a_grid_of(original: bytes, width_px: int, height_px: int, tiles: bytes | None = None) -> bytes:
    """The same file, but its grid claims this size, and to have so many (less one) rows and columns."""
    at = original.index(struct.pack(">HH", 640, 427))
    return (
        original[: at - 2]
        + (tiles or original[at - 2 : at])
        + struct.pack(">HH", width_px, height_px)
        + original[at + 4 :]
    )


LIES: dict[str, tuple[Callable[[bytes, bytes], bytes], str]] = {
    "a giant": (lambda plain, _: saying(plain, 60_000, 60_000), "too_many_pixels"),
    "a little over 50 MP": (lambda plain, _: saying(plain, 8_000, 6_251), "too_many_pixels"),
    "larger than it is": (lambda plain, _: saying(plain, 7_000, 7_000), "damaged"),
    "smaller than it is": (lambda plain, _: saying(plain, 600, 400), "damaged"),
    "nothing": (lambda plain, _: saying(plain, 0, 0), "damaged"),
    "tiles that are giants": (lambda _, grid: saying(grid, 60_000, 60_000), "too_many_pixels"),
    "tiles that are smaller": (lambda _, grid: saying(grid, 64, 64), "damaged"),
    "a grid that is a giant": (lambda _, grid: a_grid_of(grid, 65_535, 65_535), "too_much_memory"),
    "a grid that is larger": (lambda _, grid: a_grid_of(grid, 7_000, 7_000), "damaged"),
    "a grid that is smaller": (lambda _, grid: a_grid_of(grid, 8, 8), "damaged"),
    "a grid of more tiles": (lambda _, grid: a_grid_of(grid, 640, 427, b"\xff\xff"), "damaged"),
    "a grid of one tile": (lambda _, grid: a_grid_of(grid, 640, 427, b"\0\0"), "damaged"),
    "half a file": (lambda plain, _: plain[: len(plain) // 2], "damaged"),
    "a file that lacks its end": (lambda plain, _: plain[:-100], "damaged"),
    "a header": (lambda plain, _: plain[:24], "damaged"),
    "a film": (lambda plain, _: plain[:8] + b"hevc" + plain[12:], "unsupported_type"),
    "an AVIF": (lambda plain, _: plain[:8] + b"avif" + plain[12:], "unsupported_type"),
    "an AVIF in a HEIC": (lambda plain, _: plain.replace(b"hvc1", b"av01"), "damaged"),
}


@pytest.mark.parametrize(("make", "reason"), LIES.values(), ids=LIES)
def test_a_lie_is_refused_for_a_stable_reason_and_at_once(
    make: Callable[[bytes, bytes], bytes], reason: str, plain: bytes, grid: bytes
) -> None:
    sent = make(plain, grid)
    start = time.process_time()

    outcome = develop(sent, FILM)

    assert outcome == Spoiled(reason)
    assert time.process_time() - start < 0.1


def test_what_is_cropped_counts_as_large_as_it_is_decoded() -> None:
    """640 x 427 is coded as 640 x 432 and cropped: the crop may not hide a giant."""
    odd = pictures.heic(landscape())

    assert heifs.declared(odd) > 640 * 427
    assert heifs.declared(saying(odd, 40_000, 40_000)) == 40_000**2


def test_the_size_is_found_wherever_its_box_stands(plain: bytes) -> None:
    """Behind the pixels, behind a box of 64 bits, in a box that goes on to the end."""
    at = plain.index(b"meta") - 4
    length = int.from_bytes(plain[at : at + 4])
    before, meta, behind = plain[:at], plain[at : at + length], plain[at + length :]
    large = struct.pack(">I4sQ", 1, b"free", 24) + bytes(8)
    for moved in (before + behind + meta, before + large + meta + behind, before + b"\0\0\0\0" + meta[4:]):
        assert heifs.declared(moved) == heifs.declared(plain)


@pytest.mark.parametrize("junk", [b"", b"\0" * 100, b"\0\0\0\1meta" + b"\0" * 8, b"\xff" * 40, b"\0\0\0\x20metaispe"])
def test_what_has_no_boxes_declares_nothing(junk: bytes) -> None:
    assert heifs.declared(junk) == 0


def test_no_damage_of_any_kind_is_an_accident(plain: bytes, grid: bytes) -> None:
    """Bytes changed or cut at random either develop or are refused; nothing else is ever raised."""
    chance = random.Random(4)
    small = pictures.heic(landscape().resize((160, 107)))
    seen: set[str] = set()
    for _ in range(120):
        whole = chance.choice([small, small, small, plain, grid])
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            damaged[int(len(damaged) * chance.random() ** 4)] = chance.randrange(256)
        outcome = develop(bytes(damaged[: chance.randint(1, 3 * len(damaged))]), FILM)
        seen.add(outcome.reason if isinstance(outcome, Spoiled) else "developed")

    assert {"developed", "damaged", "not_an_image"} <= seen
