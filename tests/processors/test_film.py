import hashlib
from datetime import date
from io import BytesIO

import pytest
from PIL import Image, ImageStat

from processors.rules.film import develop, load
from schemas.objects import FILMS
from tests import photographs as pictures
from tests.processors.prints import FILM, developed, opened

DAY = date(2026, 11, 21)  # for the film that stamps one
TRACES = (
    *(b"Exif", b"xpacket", b"adobe", b"ICC_PROFILE", b"Photoshop", b"Copyright"),
    *(pictures.COMMENT, pictures.OWNER.encode(), pictures.SERIAL.encode()),
)
PLAIN_JPEG = {
    0xE0,
    0xDB,
    0xC0,
    0xC4,
    0xDA,
}  # JFIF header, tables, size, scan: no room for GPS, which has no text of its own
KNOWN = {  # film -> SHA-256 of the three renditions of the portrait
    "darkroom-400": "8fe5f2eb1faecd713687d05dcf0063eb57a401b5c8692f035de2533c5a35f64c",
    "daylight-100": "332e029827550ef4805f5ce387f702638e740e9a97611a34a1533e003f5f7b26",
    "linen-160": "b0315172ab7ded2b28ff9b55c097bb12ccb9419148b71d31f32dd33e62310821",
    "lantern-800": "494dfbb85bbe989661ff3b9061176fc475fa2dda82452ba3a71cc4b65d7e7c04",
    "getaway-200": "b4fe74405977364bbc4de6a52245e53315f655919bcf5377807f27472273a1ef",
    "silver-400": "9be32b062680cdd33497a39f734c62701edfbaccb13dac720080936a9e9b5540",
    "keepsake-200": "d674326c9773ed4092ac66c72a0839e4d9b0158e8ae60302432ba2fa3b2998e2",
}


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    load()  # makes the shared grain, so that no single test is charged for it


def segments(jpeg: bytes) -> set[int]:
    """The kinds of segment up to the picture's data."""
    found, at = set[int](), 2
    while 0xDA not in found:
        found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return found


def test_a_photo_becomes_three_renditions_from_large_to_small() -> None:
    photo = developed(pictures.a_camera_photo())

    sizes = [(made.name, made.width_px, made.height_px) for made in photo.renditions]
    assert sizes == [("large", 2016, 1512), ("medium", 1080, 810), ("small", 320, 240)]
    assert (photo.width_px, photo.height_px) == (2016, 1512)


@pytest.mark.parametrize(
    ("original", "large"),
    [((4032, 3024), 2016), ((3840, 2160), 1920), ((3838, 2160), 2048), ((2048, 100), 2048), ((8200, 300), 2048)],
)
def test_the_long_edge_of_the_large_rendition_is_within_1920_and_2048(original: tuple[int, int], large: int) -> None:
    assert developed(pictures.jpeg(Image.new("RGB", original, "teal"))).width_px == large


def test_a_rendition_is_what_its_name_and_size_say() -> None:
    for made in developed(pictures.a_camera_photo(2400, 1800)).renditions:
        with opened(made) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (made.width_px, made.height_px))
            assert [part[1:3] for part in picture.layer] == [(2, 2), (1, 1), (1, 1)]  # type: ignore[attr-defined]


def test_a_small_original_is_not_enlarged() -> None:
    photo = developed(pictures.landscape())

    assert [made.width_px for made in photo.renditions] == [640, 640, 320]


def test_no_rendition_betrays_owner_camera_place_or_profile() -> None:
    original = pictures.a_telling_photo()
    for trace in (b"Exif", b"xpacket", b"ICC_PROFILE", pictures.COMMENT, *TRACES[-3:]):
        assert trace in original, trace
    assert segments(original) - PLAIN_JPEG == {0xE1, 0xE2, 0xFE}  # EXIF with GPS and XMP, profile, comment

    for made in developed(original).renditions:
        for trace in TRACES:
            assert trace not in made.jpeg, trace
        assert segments(made.jpeg) == PLAIN_JPEG


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_no_rendition_of_another_format_betrays_anything_either(kind: str) -> None:
    telling = Image.open(BytesIO(pictures.a_telling_photo()))
    original = pictures.saved(telling, kind, exif=telling.info["exif"], icc_profile=telling.info["icc_profile"])

    photo = developed(original)

    assert (photo.width_px, photo.height_px) == (427, 640)  # held sideways in this format too
    assert not [trace for made in photo.renditions for trace in TRACES if trace in made.jpeg]


def test_the_same_original_gives_the_same_bytes() -> None:
    original = pictures.portrait()

    assert develop(original, FILM) == develop(original, FILM)


@pytest.mark.parametrize(("film", "digest"), KNOWN.items())
def test_the_bytes_of_a_known_photo_are_known(film: str, digest: str) -> None:
    """Renditions made twice must be equal across releases, or a replay would change what people have seen.

    When this fails after an upgrade of Pillow, look at the pictures, then put the printed digest here. When nothing was
    upgraded the film has changed: give it a new name instead.
    """
    everything = b"".join(made.jpeg for made in developed(pictures.portrait(), film, DAY).renditions)

    assert hashlib.sha256(everything).hexdigest() == digest


def test_every_film_has_a_known_photo() -> None:
    assert set(KNOWN) == set(FILMS)


def test_different_photos_get_different_grain() -> None:
    grey = Image.new("RGB", (640, 480), (128, 128, 128))

    one = developed(pictures.jpeg(grey, quality=90)).renditions[0]
    other = developed(pictures.jpeg(grey, quality=91)).renditions[0]

    assert one.jpeg != other.jpeg


def test_the_film_lifts_shadows_warms_lights_and_darkens_corners() -> None:
    black, white = (
        opened(developed(pictures.jpeg(Image.new("RGB", (800, 600), c))).renditions[0]) for c in ("black", "white")
    )
    shadow, light = (ImageStat.Stat(shade.crop((350, 250, 450, 350))).mean for shade in (black, white))
    corner = ImageStat.Stat(white.crop((0, 0, 20, 20))).mean

    assert shadow == pytest.approx([20, 17, 28], abs=2)
    assert light[0] > light[1] > light[2] > 200
    assert max(corner) < min(light) - 20


def test_a_placeholder_holds_the_mean_colour_of_the_film() -> None:
    photo = developed(pictures.flower())
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
    value = 0
    for digit in photo.placeholder[2:6]:
        value = value * 83 + digits.index(digit)

    small = opened(photo.renditions[2])
    tiny = small.resize((20, 13), Image.Resampling.BOX)  # the mean is of light, not of levels
    light = [sum((level / 255) ** 2.2 * count for level, count in enumerate(band.histogram())) for band in tiny.split()]
    expected = [255 * (total / (20 * 13)) ** (1 / 2.2) for total in light]
    assert [value >> 16, value >> 8 & 255, value & 255] == pytest.approx(expected, abs=2)


def test_a_film_that_does_not_exist_is_our_mistake() -> None:
    with pytest.raises(KeyError):
        develop(pictures.landscape(), "kodachrome")
