"""Pictures for tests: real photographs, and what strangers might send instead of one."""

import struct
import zlib
from io import BytesIO

import pillow_heif
from PIL import Image, ImageCms

from local.photographs import photographs

OWNER, SERIAL, COMMENT = "Ana Example", "SN-4711-0815", b"taken at my kitchen table"
ORIENTATION, ARTIST, GPS, BODY_SERIAL = 0x0112, 0x013B, 0x8825, 0xA431
XMP = b"<?xpacket begin='' id='W5M0'?><x:xmpmeta xmlns:x='adobe:ns:meta/'/><?xpacket end='w'?>"
START_OF_SCAN = b"\xff\xda"


def portrait() -> bytes:
    """A real face, 512 x 600."""
    return photographs()[0].read_bytes()


def landscape() -> bytes:
    """A real daylight scene, 640 x 427."""
    return photographs()[1].read_bytes()


def flower() -> bytes:
    """A real close-up, 640 x 427."""
    return photographs()[2].read_bytes()


def a_camera_photo(width_px: int = 4032, height_px: int = 3024) -> bytes:
    """12 MP as a phone writes them, with the grain of a sensor so that it is no easier to encode than a real one."""
    picture = Image.open(BytesIO(landscape())).resize((width_px, height_px), Image.Resampling.BICUBIC)
    noise = Image.effect_noise((width_px, height_px), 12).convert("RGB")
    return jpeg(Image.blend(picture, noise, 0.08), quality=92)


def a_telling_photo(orientation: int = 6) -> bytes:
    """A landscape held sideways that names its owner, camera and place in every way a JPEG can."""
    picture = Image.open(BytesIO(landscape()))
    exif = Image.Exif()
    exif[ORIENTATION], exif[ARTIST] = orientation, OWNER
    exif.get_ifd(0x8769)[BODY_SERIAL] = SERIAL
    exif.get_ifd(GPS).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return jpeg(picture, exif=exif.tobytes(), comment=COMMENT, icc_profile=profile, xmp=XMP)


def jpeg(picture: Image.Image, **options: object) -> bytes:
    return saved(picture, "JPEG", **options)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def heic(picture: Image.Image, **options: object) -> bytes:
    """As a phone writes it: pixels as the sensor lay, turned by a box, and EXIF that says the same."""
    file = BytesIO()
    fast = {"quality": 85, "enc_params": {"preset": "ultrafast"}}  # 0.3 s for the landscape, and not 4
    pillow_heif.encode(picture.mode, picture.size, picture.tobytes(), file, **{**fast, **options})
    return file.getvalue()


def a_telling_heic(orientation: int = 6, **options: object) -> bytes:
    """As `a_telling_photo`."""
    telling = Image.open(BytesIO(a_telling_photo(orientation)))
    said = {name: telling.info[name] for name in ("exif", "xmp", "icc_profile")}
    return heic(telling, **said, **options)


def a_truncated_photo() -> bytes:
    """The upload broke off half way."""
    whole = landscape()
    return whole[: len(whole) // 2]


def junk() -> bytes:
    return b"not a picture at all " * 50


def a_scan_bomb(scans: int = 200, width_px: int = 4000, height_px: int = 3000) -> bytes:
    """A progressive JPEG whose first scan stands in it again and again; each costs a walk over all pixels."""
    small = jpeg(Image.new("RGB", (width_px, height_px), "navy"), progressive=True)
    first = small.index(START_OF_SCAN)
    second = small.index(START_OF_SCAN, first + 2)
    tables = small.rindex(b"\xff\xc4", first, second) if b"\xff\xc4" in small[first:second] else second
    return small[:tables] + small[first:tables] * (scans - small.count(START_OF_SCAN)) + small[tables:]


def a_giant_png(edge_px: int = 60_000) -> bytes:
    """A hundred bytes that ask for 3.6 billion pixels."""
    header = struct.pack(">IIBBBBB", edge_px, edge_px, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 64))
        + _chunk(b"IEND", b"")
    )


def a_giant_jpeg(edge_px: int = 60_000) -> bytes:
    """A small photo whose header lies about its size."""
    small = landscape()
    at = small.index(b"\xff\xc0") + 5
    return small[:at] + struct.pack(">HH", edge_px, edge_px) + small[at + 4 :]


def a_text_bomb() -> bytes:
    """A PNG with 100 MB of compressed text before the first pixel."""
    text = b"Comment\0\0" + zlib.compress(b"\0" * 100_000_000, 9)
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"zTXt", text) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
