"""The rows of `bad-inputs.csv` about what lies in the bucket: developed clean, or spoiled with the row's code."""

import struct
import time
import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import ExifTags, Image

from processors.developing import developed
from processors.intents import Append, Put
from processors.rules.develop import outcome
from processors.rules.film import develop
from processors.stores.objects import Original
from schemas.facts import PhotoDeveloped, PhotoSpoiled
from tests import photographs as pictures
from tests.builders import photo_captured

CANARY = b"canary-4711-" * 90
HTML = b"<html><script>alert(1)</script></html>"
CPU_S = 2.0  # what the rows allow; the slowest here takes a fifth of it


def a_zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("canary.txt", CANARY)
    return file.getvalue()


def with_a_segment(kind: int, body: bytes) -> bytes:
    """The landscape with one more segment behind its first marker."""
    whole = pictures.landscape()
    return whole[:2] + struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body + whole[2:]


def with_a_thumbnail_of_another_picture() -> bytes:
    """EXIF in which IFD1 points at a JPEG of a flower that has the canary in its comment."""
    thumbnail = pictures.jpeg(Image.open(BytesIO(pictures.flower())).resize((160, 107)), comment=CANARY)
    first = struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 1, 0, 26)  # IFD0: upright; the next one at 26
    second = struct.pack(">H2HII2HIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail), 0)
    return with_a_segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08" + first + second + thumbnail)


def an_animation(frames: int = 10_000) -> bytes:
    pages = [Image.new("L", (16, 16), number % 256) for number in range(frames)]
    return pictures.saved(pages[0], "PNG", save_all=True, append_images=pages[1:], duration=1)


def a_51_megapixel_jpeg() -> bytes:
    return pictures.jpeg(Image.new("L", (8500, 6001), 128), quality=30)


def a_header_only_png() -> bytes:
    return pictures.a_giant_png(edge_px=64)[:33]


def sixteen_bits() -> bytes:
    return pictures.saved(Image.linear_gradient("L").convert("I").convert("I;16").resize((4000, 3000)), "PNG")


def cmyk() -> bytes:
    return pictures.jpeg(Image.open(BytesIO(pictures.landscape())).resize((4000, 3000)).convert("CMYK"))


CLEAN: dict[str, Callable[[], bytes]] = {
    "in-F3.1 HTML in a comment": lambda: with_a_segment(0xFE, HTML + CANARY),
    "in-F3.1 HTML at the end": lambda: pictures.landscape() + HTML,
    "in-F3.2 ZIP": lambda: pictures.landscape() + a_zip(),
    "in-F8.2 CMYK": cmyk,
    "in-F8.2 16 bit": sixteen_bits,
    "in-F8.3": an_animation,
    "in-F8.4": lambda: pictures.saved(Image.new("RGB", (65_535, 1), "teal"), "PNG"),
    "in-F9.1": pictures.a_telling_photo,
    "in-F9.2": with_a_thumbnail_of_another_picture,
    "in-F9.3 XMP": lambda: with_a_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + CANARY),
    "in-F9.3 IPTC": lambda: with_a_segment(0xED, b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\x04\x38" + CANARY),
    "in-F9.4": lambda: pictures.landscape() + CANARY[:1024],
    "in-F10.1": lambda: pictures.jpeg(Image.open(BytesIO(pictures.flower())), icc_profile=CANARY),
    "huge EXIF": lambda: with_a_segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x9c\x9b\0\x01" * 16_000),
}

SPOILED: dict[str, tuple[Callable[[], bytes], str]] = {
    "in-F7.1": (pictures.a_giant_png, "image_too_large"),
    "in-F7.2": (a_51_megapixel_jpeg, "image_too_large"),
    "in-F8.1": (a_header_only_png, "bad_image"),
    "in-F10.2": (pictures.a_text_bomb, "bad_image"),
    "truncated": (pictures.a_truncated_photo, "bad_image"),
    "scans": (pictures.a_scan_bomb, "bad_image"),
}


@pytest.mark.parametrize("make", CLEAN.values(), ids=CLEAN)
def test_what_is_odd_but_a_picture_is_served_clean(make: Callable[[], bytes]) -> None:
    original = make()
    start = time.process_time()

    *puts, append = outcome(photo_captured(), develop(original, "darkroom-400"))

    assert time.process_time() - start < CPU_S
    assert isinstance(append, Append)
    assert isinstance(append.fact, PhotoDeveloped)
    assert len(puts) == 3
    for put in puts:
        assert isinstance(put, Put)
        for trace in (CANARY[:24], b"<html", b"<script", b"PK\x03\x04", b"Exif", b"8BIM", pictures.OWNER.encode()):
            assert trace not in put.body
        with Image.open(BytesIO(put.body)) as picture:
            assert (picture.format, picture.mode) == ("JPEG", "RGB")


@pytest.mark.parametrize(("make", "code"), SPOILED.values(), ids=SPOILED)
def test_what_is_no_picture_spoils_its_photo_with_the_code_of_its_row(make: Callable[[], bytes], code: str) -> None:
    original = make()
    start = time.process_time()

    (append,) = outcome(photo_captured(), develop(original, "darkroom-400"))

    assert time.process_time() - start < CPU_S
    assert isinstance(append, Append)
    assert isinstance(append.fact, PhotoSpoiled)
    assert append.fact.reason == code


@pytest.mark.parametrize("label", ["image/jpeg", "image/heic"])
async def test_a_png_on_a_ticket_for_another_type_spoils_its_photo(label: str) -> None:
    """in-F3.3: the type is the ticket's, and the bytes must be of it."""
    png = pictures.saved(Image.new("RGB", (64, 64), "teal"), "PNG")

    (append,) = await developed(photo_captured(), Original(png, label))

    assert isinstance(append, Append)
    assert isinstance(append.fact, PhotoSpoiled)
    assert append.fact.reason == "bad_image"


def test_the_thumbnail_of_the_test_is_one_that_readers_find() -> None:
    """Else `in-F9.2` would prove nothing."""
    exif = Image.open(BytesIO(with_a_thumbnail_of_another_picture())).getexif()

    assert exif.get_ifd(ExifTags.IFD.IFD1)[0x0201] == 56
