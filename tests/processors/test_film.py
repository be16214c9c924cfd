import hashlib
import random
import time
from collections.abc import Callable
from datetime import date
from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from processors.rules.blurhash import blurhash
from processors.rules.film import Developed, Rendition, Spoiled, develop, load
from schemas.objects import FILMS
from tests import photographs as pictures

FILM = "darkroom-400"
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
LOSSY_APART = 12  # levels that JPEG, grain and resampling may move the mean of a picture's quarter


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    load()  # makes the shared grain, so that no single test is charged for it


def developed(original: bytes, film: str = FILM, day: date | None = None) -> Developed:
    outcome = develop(original, film, day)
    assert isinstance(outcome, Developed), outcome
    return outcome


def opened(rendition: Rendition) -> Image.Image:
    return Image.open(BytesIO(rendition.jpeg))


def segments(jpeg: bytes) -> set[int]:
    """The kinds of segment up to the picture's data."""
    found, at = set[int](), 2
    while 0xDA not in found:
        found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return found


def quarters(picture: Image.Image) -> list[float]:
    """Mean brightness of the four quarters: enough to tell which way up a picture is."""
    return list(picture.convert("L").resize((2, 2), Image.Resampling.BOX).tobytes())


def apart(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


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


def test_a_placeholder_is_the_reference_implementations() -> None:
    """From the format's own Python package, for a grey that darkens from left to right."""
    ramp = bytes(255 - 12 * x for _ in range(15) for x in range(20) for _ in range(3))

    assert blurhash(ramp, 20, 15, 4, 3) == "L?Ihpl~q%Mxut7ofj[j[fQfQfQfQ"


def test_a_film_that_does_not_exist_is_our_mistake() -> None:
    with pytest.raises(KeyError):
        develop(pictures.landscape(), "kodachrome")
