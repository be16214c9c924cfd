"""PNGs that are read in strips give the pixels that Pillow reads as a whole."""

import random
import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from processors.rules import strips
from processors.rules.film import Spoiled, develop
from processors.rules.negatives import UNREADABLE
from tests import photographs as pictures

FILM = "darkroom-400"
KINDS = ("L", "LA", "P", "RGB", "RGBA", "P clear", "L clear", "RGB clear")


def a_png(kind: str, size: tuple[int, int] = (97, 61)) -> bytes:
    """Rows that go through all of PNG's filters: a photograph, not a flat colour."""
    mode, _, clear = kind.partition(" ")
    photo = Image.open(BytesIO(pictures.flower())).resize(size)
    if mode.endswith("A"):
        photo.putalpha(Image.linear_gradient("L").resize(size))
    transparency = {"RGB": (10, 40, 60), "L": 80, "P": bytes(range(256))}[mode] if clear else None
    made = photo.convert(mode)
    return pictures.saved(made, "PNG", **({"transparency": transparency} if clear else {}))


def opened(png: bytes) -> PngImageFile:
    image = Image.open(BytesIO(png))
    assert isinstance(image, PngImageFile)
    return image


def joined(png: bytes, rows: int) -> bytes:
    return b"".join(strip.tobytes() for strip in strips.strips(opened(png), png, rows))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def sixteen_bits() -> bytes:
    return pictures.saved(Image.new("I;16", (20, 20)), "PNG")


def four_bits() -> bytes:
    return pictures.saved(Image.new("P", (20, 20)), "PNG", bits=4)


def interlaced() -> bytes:
    """Only its header: nothing here reads further."""
    return a_png("RGB")[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 1)) + chunk(b"IDAT", b"")


def animated() -> bytes:
    pages = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    return pictures.saved(pages[0], "PNG", save_all=True, append_images=pages[1:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 8, 60, 61, 64])
def test_strips_make_the_whole(kind: str, rows: int) -> None:
    png = a_png(kind)
    assert strips.divisible(opened(png))

    assert joined(png, rows) == opened(png).tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_strip_knows_its_colours_and_what_is_transparent(kind: str) -> None:
    png = a_png(kind)
    first = next(strips.strips(opened(png), png, 16))

    assert first.convert("RGBA").tobytes() == opened(png).convert("RGBA").crop((0, 0, 97, 16)).tobytes()


@pytest.mark.parametrize("png", [sixteen_bits(), four_bits(), interlaced(), animated()])
def test_what_cannot_be_divided_says_so(png: bytes) -> None:
    assert not strips.divisible(opened(png))


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_png_develops_as_if_it_was_read_whole(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    png = a_png(kind, (4100, 333))
    in_strips = develop(png, FILM)
    monkeypatch.setattr(strips, "divisible", lambda _: False)

    assert in_strips == develop(png, FILM)
    assert not isinstance(in_strips, Spoiled)


def test_exif_behind_the_pixels_turns_a_large_png() -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6
    png = a_png("RGB", (4000, 100))
    made = develop(png[:-12] + chunk(b"eXIf", exif.tobytes()[6:]) + png[-12:], FILM)

    assert not isinstance(made, Spoiled)
    assert made.width_px < made.height_px


def test_a_large_png_that_was_cut_is_refused() -> None:
    png = a_png("RGB", (4000, 200))

    assert develop(png[: len(png) // 2], FILM) == Spoiled("truncated")
    assert develop(png[: png.index(b"IDAT") + 4], FILM) == Spoiled("truncated")


def test_rows_that_are_not_there_are_not_waited_for() -> None:
    """A stream that ends early, and one that never ends, cost no more than the picture."""
    header = struct.pack(">IIBBBBB", 4000, 400, 8, 2, 0, 0, 0)
    for rows in (b"\0" * 12_001 * 10, bytes(60_000_000)):
        data = zlib.compress(rows, 1)
        png = strips.SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")

        assert isinstance(develop(png, FILM), Spoiled) == (len(rows) < 400 * 12_001)


def test_damage_raises_what_readers_raise_and_nothing_else() -> None:
    chance = random.Random(7)
    whole = [a_png(kind) for kind in KINDS]
    seen = set[str]()
    for _ in range(400):
        damaged = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(33, len(damaged))] = chance.randrange(256)
        png = bytes(damaged[: chance.randint(60, 2 * len(damaged))])
        try:
            image = opened(png)
            joined(png, 8) if strips.divisible(image) else None
            seen.add("read")
        except UNREADABLE as error:
            seen.add(type(error).__name__)

    assert {"read", "OSError", "error"} <= seen
