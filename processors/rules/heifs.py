"""HEIC, what an iPhone writes: pictures that libheif and libde265 decode, given in strips.

Opened without Pillow's plugin, which would copy the pixels twice: 48 MP take 0.24 GB here. How the camera was held is
told by the file's own boxes (`irot`, `imir`), which libheif follows; EXIF says the same again, and must not be asked,
or a photo is turned twice (ISO/IEC 23008-12, 6.5.10).
"""

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pillow_heif
from PIL import Image

# One thread: the sandbox has its own number of children, and each thread maps 100 MB. Thumbnails, depth and whatever
# else lies in the file besides its picture is never asked for.
pillow_heif.options.DECODE_THREADS = 1
pillow_heif.options.THUMBNAILS = pillow_heif.options.DEPTH_IMAGES = pillow_heif.options.AUX_IMAGES = False

BRANDS = (
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"mif1",
)  # still pictures; not `hevc` and `msf1`, which are films, nor AVIF

# Columns of red, green and blue in XYZ under D50, as profiles hold them: what a phone means by these primaries (H.273).
PRIMARIES = {
    9: ((0.67348, 0.27904, -0.00194), (0.16567, 0.67535, 0.02998), (0.12505, 0.04561, 0.79686)),  # BT.2020
    12: ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),  # Display P3
}
D50 = (0.9642, 1.0, 0.8249)
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # parametric curve of type 3


class Heif:
    """An opened HEIC: its header is read, its pixels are not."""

    def __init__(self, original: bytes) -> None:
        """Raises `ValueError`, `RuntimeError` and their like for what libheif cannot read."""
        self._file = pillow_heif.open_heif(BytesIO(original), remove_stride=False)
        self.size: tuple[int, int] = self._file.size

    @property
    def profile(self) -> bytes | None:
        """The colours of the pixels as an ICC profile; None when they are those of sRGB, or unknown."""
        info = self._file.info
        return info.get("icc_profile") or profile(info.get("nclx_profile") or {})

    def strips(self, rows: int) -> Iterator[Image.Image]:
        """The upright picture from top to bottom, `rows` at a time; raises as above for broken pixels."""
        pixels, stride, mode = memoryview(self._file.data), self._file.stride, self._file.mode
        width, height = self._file.size
        if (width, height) != self.size:
            raise ValueError(f"the picture is {width} x {height}; its header says {self.size}")
        for top in range(0, height, rows):
            found = min(rows, height - top)
            part = bytes(pixels[top * stride : (top + found) * stride])
            strip = Image.frombytes(mode, (width, found), part, "raw", mode, stride)
            yield strip.convert("RGBA") if mode == "RGBa" else strip


def is_heif(original: bytes) -> bool:
    """True for what begins as a still HEIC does; the first brand decides."""
    return original[4:8] == b"ftyp" and original[8:12] in BRANDS


def declared(original: bytes) -> int:
    """The most pixels that any part of the file says it has, before anything is decoded.

    The size that libheif tells comes after cropping: a file may crop a giant to a stamp. What is decoded is never
    larger than this: libheif holds its decoder to it.
    """
    sizes = (size for kind, body in _boxes(original) if kind == b"meta" for size in _sizes(body))
    return max((width * height for width, height in sizes), default=0)


def _sizes(meta: bytes) -> Iterator[tuple[int, int]]:
    """Wherever `ispe` stands, boxed well or not."""
    at = meta.find(b"ispe")
    while 0 <= at <= len(meta) - 16:
        yield struct.unpack(">8xII", meta[at : at + 16])
        at = meta.find(b"ispe", at + 4)


def _boxes(original: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The file's outermost boxes, up to one that has no sensible size: all that libheif would read."""
    at = 0
    while at + 16 <= len(original):
        length, kind, large = struct.unpack(">I4sQ", original[at : at + 16])
        length = {0: len(original) - at, 1: large}.get(length, length)
        if length < 8:
            return
        yield kind, original[at + 8 : at + length]
        at += length


def profile(nclx: dict[str, Any]) -> bytes | None:
    """An ICC profile of these primaries with sRGB's curve; None when they are sRGB's own, or none that phones write.

    A curve for bright screens (PQ, HLG) is taken for sRGB's: such a picture comes out flat, and not in wrong colours.
    """
    columns = PRIMARIES.get(nclx.get("color_primaries", 1))
    if columns is None:
        return None
    curve = struct.pack(">4sIHH5i", b"para", 0, 3, 0, *map(_fixed, SRGB_CURVE))
    tags = {
        b"desc": struct.pack(">4sII", b"desc", 0, 5) + b"wide\0" + bytes(79),
        b"wtpt": _xyz(D50),
        **dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, columns), strict=True)),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    return _icc(tags)


def _icc(tags: dict[bytes, bytes]) -> bytes:
    at, table, bodies = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        padded = body + bytes(-len(body) % 4)
        table += struct.pack(">4sII", name, at + len(bodies), len(body))
        bodies += padded
    size = 128 + len(table) + len(bodies)
    head = struct.pack(
        ">I4sI4s4s4s12x4s28x3i48x", size, b"", 0x04000000, b"mntr", b"RGB ", b"XYZ ", b"acsp", *map(_fixed, D50)
    )
    return head + table + bodies


def _xyz(values: tuple[float, ...]) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *map(_fixed, values))


def _fixed(value: float) -> int:
    return round(value * 65536)
