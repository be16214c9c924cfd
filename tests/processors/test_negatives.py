"""Whatever a camera writes becomes the same upright picture, or is refused for a reason that stays."""

import random
import time
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image, ImageCms

from processors.rules.film import Spoiled, develop, load
from tests import photographs as pictures
from tests.processors.prints import FILM, LOSSY_APART, apart, developed, opened, quarters


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    load()  # makes the shared grain, so that no single test is charged for it


@pytest.mark.parametrize("orientation", range(1, 9))
def test_however_the_camera_was_held_the_picture_stands_upright(orientation: int) -> None:
    original = pictures.a_telling_photo(orientation)
    shown: Image.Image = Image.open(BytesIO(pictures.landscape()))
    for turn in {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.ROTATE_270, Image.Transpose.FLIP_LEFT_RIGHT],
        6: [Image.Transpose.ROTATE_270],
        7: [Image.Transpose.ROTATE_90, Image.Transpose.FLIP_LEFT_RIGHT],
        8: [Image.Transpose.ROTATE_90],
    }[orientation]:
        shown = shown.transpose(turn)

    upright = developed(pictures.jpeg(shown)).renditions[0]
    turned = developed(original).renditions[0]

    assert (turned.width_px, turned.height_px) == shown.size
    assert quarters(opened(turned)) == pytest.approx(quarters(opened(upright)), abs=2)


def test_a_photo_looks_the_same_from_every_format_it_may_come_in() -> None:
    picture = Image.open(BytesIO(pictures.landscape()))
    reference = opened(developed(pictures.saved(picture, "PNG")).renditions[0])

    for original in (
        pictures.jpeg(picture, quality=95),
        pictures.jpeg(picture, quality=95, progressive=True),
        pictures.saved(picture, "WEBP", lossless=True),
        pictures.saved(picture.convert("RGBA"), "PNG"),
        pictures.saved(picture, "MPO", save_all=True, append_images=[picture]),
        pictures.jpeg(picture.convert("CMYK"), quality=95),
    ):
        assert apart(opened(developed(original).renditions[0]), reference) < LOSSY_APART


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16"])
def test_a_png_of_any_mode_develops(mode: str) -> None:
    grey = Image.open(BytesIO(pictures.landscape())).convert("L")
    source = (
        grey.convert("I").point(lambda level: level * 257).convert("I;16") if mode == "I;16" else grey.convert(mode)
    )

    made = opened(developed(pictures.saved(source, "PNG")).renditions[0])

    assert quarters(made) == pytest.approx(
        quarters(opened(developed(pictures.saved(grey, "PNG")).renditions[0])), abs=10
    )


def test_what_is_transparent_becomes_white_paper() -> None:
    clear = developed(pictures.saved(Image.new("RGBA", (300, 300), (0, 0, 0, 0)), "PNG")).renditions[0]
    white = developed(pictures.saved(Image.new("RGB", (300, 300), "white"), "PNG")).renditions[0]

    assert quarters(opened(clear)) == pytest.approx(quarters(opened(white)), abs=2)


def test_a_wide_colour_profile_is_converted_and_a_broken_one_ignored() -> None:
    picture = Image.open(BytesIO(pictures.landscape()))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()

    plain = developed(pictures.jpeg(picture)).renditions[0]
    for profile in (b"no profile at all", lab):
        assert apart(opened(developed(pictures.jpeg(picture, icc_profile=profile)).renditions[0]), opened(plain)) < 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("exif", [b"neither MM nor II", b"MM", b"MM\0*\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\0\x02\x01"])
def test_broken_exif_does_not_spoil_a_photo(kind: str, exif: bytes) -> None:
    developed(pictures.saved(Image.open(BytesIO(pictures.landscape())), kind, exif=b"Exif\0\0" + exif))


@pytest.mark.parametrize(
    ("original", "reason"),
    [
        (pictures.junk, "not_an_image"),
        (bytes, "not_an_image"),
        (pictures.a_truncated_photo, "truncated"),
        (pictures.a_giant_png, "too_many_pixels"),
        (pictures.a_giant_jpeg, "too_many_pixels"),
        (lambda: pictures.saved(Image.new("RGB", (5001, 5001)), "WEBP", method=0), "too_many_pixels"),
        (pictures.a_scan_bomb, "too_many_scans"),
        (lambda: pictures.a_scan_bomb(100, 2000, 1500), "too_many_scans"),  # many of a few
        (lambda: pictures.a_scan_bomb(60, 5000, 4000), "too_many_scans"),  # a few of many
        (pictures.a_text_bomb, "damaged"),
        (lambda: pictures.saved(Image.new("RGB", (8, 8)), "GIF"), "unsupported_type"),
        (lambda: pictures.saved(Image.new("RGB", (8, 8)), "TIFF"), "unsupported_type"),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_type"),
        (lambda: b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "unsupported_type"),
    ],
)
def test_what_cannot_be_developed_is_refused_for_a_stable_reason_within_100_ms(
    original: Callable[[], bytes], reason: str
) -> None:
    sent = original()
    start = time.process_time()

    outcome = develop(sent, FILM)

    assert outcome == Spoiled(reason)
    assert time.process_time() - start < 0.1


def test_a_photo_with_the_scans_an_encoder_writes_is_no_bomb() -> None:
    developed(pictures.a_scan_bomb(scans=12))


def test_no_damage_of_any_kind_is_an_accident() -> None:
    """Bytes changed or cut at random either develop or are refused; nothing else is ever raised."""
    chance = random.Random(4)
    picture = Image.open(BytesIO(pictures.landscape())).resize((160, 107))
    whole = [pictures.a_telling_photo(), *(pictures.saved(picture, kind) for kind in ("PNG", "WEBP", "JPEG"))]
    seen: set[str] = set()
    for _ in range(400):
        damaged = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 8)):
            damaged[int(len(damaged) * chance.random() ** 3)] = chance.randrange(256)
        outcome = develop(bytes(damaged[: chance.randint(1, 2 * len(damaged))]), FILM)
        seen.add(outcome.reason if isinstance(outcome, Spoiled) else "developed")

    assert {"developed", "damaged", "truncated", "not_an_image"} <= seen
