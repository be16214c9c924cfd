"""HEIC: what an iPhone writes becomes what its JPEG would have become."""

import asyncio
import struct
from io import BytesIO
from itertools import pairwise

import pillow_heif
import pytest
from PIL import Image, ImageCms

from processors.rules import heifs
from processors.rules.develop import mislabelled
from processors.rules.film import Developed, Spoiled, develop
from processors.rules.negatives import negative
from processors.sandbox import Sandbox
from tests import photographs as pictures
from tests.processors.prints import FILM, LOSSY_APART, apart, developed, landscape, opened, quarters

TRACES = (
    *(b"Exif", b"xpacket", b"adobe", b"ICC_PROFILE", b"lcms", b"ftyp", b"GPS"),
    *(pictures.OWNER.encode(), pictures.SERIAL.encode()),
)
PATIENT_S = 100.0  # catches a hang
PRIMARIES_P3 = {"color_primaries": 12, "transfer_characteristics": 13, "matrix_coefficients": 6, "full_range_flag": 1}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_once_however_the_camera_was_held(orientation: int) -> None:
    """Its box and its EXIF both tell how."""
    from_heic = developed(pictures.a_telling_heic(orientation)).renditions[0]
    from_jpeg = developed(pictures.a_telling_photo(orientation)).renditions[0]

    assert (from_heic.width_px, from_heic.height_px) == (from_jpeg.width_px, from_jpeg.height_px)
    assert quarters(opened(from_heic)) == pytest.approx(quarters(opened(from_jpeg)), abs=3)


def test_exif_alone_does_not_turn_it() -> None:
    """Readers follow the boxes (ISO/IEC 23008-12), and so do those who sent it and looked at it before."""
    upright = pictures.a_telling_heic(1)
    at = upright.index(struct.pack(">HHIH", pictures.ORIENTATION, 3, 1, 1))
    says_sideways = upright[: at + 8] + b"\0\6" + upright[at + 10 :]

    assert quarters(negative(says_sideways)) == quarters(negative(upright))


def test_no_rendition_betrays_owner_camera_place_or_profile() -> None:
    original = pictures.a_telling_heic()
    for trace in (b"Exif", b"xpacket", b"lcms", pictures.OWNER.encode(), pictures.SERIAL.encode()):
        assert trace in original, trace

    assert not [trace for made in developed(original).renditions for trace in TRACES if trace in made.jpeg]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_a_heic_of_any_mode_looks_like_its_png(mode: str) -> None:
    picture = landscape().convert(mode)
    reference = developed(pictures.saved(picture, "PNG")).renditions[0]

    assert apart(opened(developed(pictures.heic(picture)).renditions[0]), opened(reference)) < LOSSY_APART


def test_tiles_make_the_whole(grid: bytes, plain: bytes) -> None:
    assert b"grid" in grid

    assert apart(opened(developed(grid).renditions[0]), opened(developed(plain).renditions[0])) < LOSSY_APART


def test_ten_bits_become_eight(plain: bytes) -> None:
    picture, deep = landscape(), BytesIO()
    levels = struct.pack(f"<{640 * 427 * 3}H", *(level * 257 for level in picture.tobytes()))
    pillow_heif.encode("RGB;16", picture.size, levels, deep, quality=85, enc_params={"preset": "ultrafast"})
    assert pillow_heif.open_heif(deep.getvalue()).info["bit_depth"] == 10

    assert apart(negative(deep.getvalue()), negative(plain)) < 3


def test_what_is_transparent_becomes_white_paper() -> None:
    clear = developed(pictures.heic(Image.new("RGBA", (300, 300), (0, 0, 0, 0)))).renditions[0]
    white = developed(pictures.heic(Image.new("RGB", (300, 300), "white"))).renditions[0]

    assert quarters(opened(clear)) == pytest.approx(quarters(opened(white)), abs=2)


def test_a_large_one_comes_in_strips_that_join_without_a_seam() -> None:
    ramp = Image.linear_gradient("L").resize((333, 4100)).convert("RGB")

    made = negative(pictures.heic(ramp))

    assert max(made.size) == 2048
    rows = list(made.convert("L").resize((1, made.height), Image.Resampling.BOX).tobytes())
    assert all(abs(one - other) < 4 for one, other in pairwise(rows))


def test_wide_colours_become_srgb_whether_a_profile_or_a_number_names_them() -> None:
    """(200, 100, 100) of Display P3, and (225, 93, 99) of sRGB, are the same colour to the eye."""
    patch = Image.new("RGB", (64, 64), (200, 100, 100))
    numbered, profiled = (
        pictures.heic(patch, quality=100, chroma=444, **named)
        for named in (PRIMARIES_P3, {"icc_profile": heifs.profile(PRIMARIES_P3), "icc_profile_type": "prof"})
    )

    plain = negative(pictures.heic(patch, quality=100, chroma=444)).getpixel((30, 30))
    assert plain == pytest.approx((200, 100, 100), abs=3)
    for original in (numbered, profiled):
        assert negative(original).getpixel((30, 30)) == pytest.approx((215, 93, 97), abs=4)


@pytest.mark.parametrize("primaries", heifs.PRIMARIES)
def test_a_profile_made_of_a_number_keeps_greys(primaries: int) -> None:
    wide = ImageCms.ImageCmsProfile(BytesIO(heifs.profile({"color_primaries": primaries}) or b""))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.ImageCmsTransform(wide, srgb, "RGB", "RGB")

    for level in (0, 64, 128, 255):
        grey = transform.apply(Image.new("RGB", (1, 1), (level,) * 3)).getpixel((0, 0))
        assert grey == pytest.approx((level,) * 3, abs=1)


@pytest.mark.parametrize("primaries", [1, 2, 6, 99])
def test_other_primaries_are_taken_for_srgbs(primaries: int) -> None:
    assert heifs.profile({"color_primaries": primaries}) is None


def test_a_broken_profile_is_as_good_as_none(plain: bytes) -> None:
    broken = pictures.heic(landscape(), icc_profile=b"no profile at all", icc_profile_type="prof")

    assert apart(negative(broken), negative(plain)) < 3


@pytest.mark.parametrize(
    ("kind", "label", "wrong"),
    [
        ("HEIC", "image/heic", False),
        ("HEIC", "image/heif", False),
        ("HEIC", "image/jpeg", True),
        ("HEIC", "image/png", True),
        ("PNG", "image/heic", True),
        ("JPEG", "image/heif", True),
    ],
)
def test_the_type_is_the_tickets_and_the_bytes_must_be_of_it(kind: str, label: str, wrong: bool) -> None:
    picture = Image.new("RGB", (64, 64), "teal")
    original = pictures.heic(picture) if kind == "HEIC" else pictures.saved(picture, kind)

    assert mislabelled(label, original) == wrong


async def test_the_limits_of_the_sandbox_hold_for_it(plain: bytes) -> None:
    large = pictures.heic(Image.new("RGB", (4000, 3000), "navy"), tile_size=1000)
    roomy, narrow = Sandbox(timeout_s=PATIENT_S), Sandbox(timeout_s=PATIENT_S, headroom_bytes=40 << 20)

    assert isinstance(await roomy.develop(large, FILM), Developed)
    assert await narrow.develop(large, FILM) == Spoiled("too_much_memory")
    children = narrow.pids
    assert await narrow.develop(plain, FILM) == develop(plain, FILM)
    assert narrow.pids == children
    await asyncio.gather(roomy.close(), narrow.close())
