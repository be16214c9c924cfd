"""A large PNG in strips, so that nobody holds all of its pixels at once: 50 MP would be 200 MB, and 400 when reduced.

Pillow reads a PNG only as a whole. So each strip becomes a small PNG of its own, whose first row is the last one of the
strip before, for PNG's filters look one row up. That costs a copy of every row and gives the same pixels.
"""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import chain, dropwhile, takewhile
from typing import NamedTuple

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {"L": (0, 1), "RGB": (2, 3), "P": (3, 1), "LA": (4, 2), "RGBA": (6, 4)}  # and bytes of a pixel
PIECE_BYTES = 1 << 16  # of compressed data at a time: zlib copies what it has not used yet
PIXELS = (b"IHDR", b"IDAT", b"acTL", b"fcTL", b"fdAT", b"IEND")


class Chunk(NamedTuple):
    """A part of the file; `body` is a view, and shorter than it says when the file was cut."""

    kind: bytes
    body: memoryview


def divisible(image: PngImageFile) -> bool:
    """True for a PNG that `strips` can read: opened only, eight bits a channel, rows in order, one picture."""
    one = not image.info.get("interlace") and not image.is_animated
    return one and image.mode in COLOUR_TYPES and [tile.args for tile in image.tile] == [image.mode]


def strips(image: PngImageFile, original: bytes, rows: int) -> Iterator[Image.Image]:
    """The picture from top to bottom, `rows` at a time, the last strip what is left; `image` is `original`, opened.

    Raises what Pillow raises for a file that is cut or broken: `OSError`, `zlib.error` and their like.
    """
    width, height = image.size
    row_bytes = 1 + width * COLOUR_TYPES[image.mode][1]
    colours = b"".join(_written(*chunk) for chunk in _chunks(original) if chunk.kind in (b"PLTE", b"tRNS"))
    above = bytes(row_bytes)
    blocks = _inflated(original, rows * row_bytes)
    for top in range(0, height, rows):
        found = min(rows, height - top)
        filtered = next(blocks, b"")[: found * row_bytes]
        if len(filtered) < found * row_bytes:
            raise OSError("image file is truncated")
        strip = _picture(image.mode, (width, found + 1), colours, above + filtered)
        above = b"\0" + strip.crop((0, found, width, found + 1)).tobytes()
        yield strip.crop((0, 1, width, found + 1))


def without_pixels(image: PngImageFile, original: bytes) -> Image.Image:
    """The same picture with a single pixel: all that the file says of itself, also behind its pixels."""
    said = b"".join(_written(*chunk) for chunk in _chunks(original) if chunk.kind not in PIXELS)
    return _picture(image.mode, (1, 1), said, bytes(1 + COLOUR_TYPES[image.mode][1]))


def _picture(mode: str, size: tuple[int, int], others: bytes, rows: bytes) -> Image.Image:
    """A PNG of these filtered rows, read; stored and not compressed, so that it costs a copy."""
    header = _written(b"IHDR", struct.pack(">IIBBBBB", *size, 8, COLOUR_TYPES[mode][0], 0, 0, 0))
    file = b"".join([SIGNATURE, header, others, _written(b"IDAT", zlib.compress(rows, 0)), _written(b"IEND", b"")])
    picture = Image.open(BytesIO(file), formats=("PNG",))
    picture.load()
    return picture


def _inflated(original: bytes, block_bytes: int) -> Iterator[bytes]:
    """The rows as they were before compression, in blocks of this size; the last one is what is left."""
    inflate, block = zlib.decompressobj(), bytearray()
    for piece in chain(_pieces(original), (b"",)):
        if inflate.eof:
            break
        while more := inflate.decompress(piece, block_bytes - len(block)):
            block += more
            piece = inflate.unconsumed_tail
            if len(block) == block_bytes:
                yield bytes(block)
                block.clear()
    yield bytes(block)


def _pieces(original: bytes) -> Iterator[bytes]:
    """The compressed data: the first run of IDAT chunks, as Pillow takes it."""
    rest = dropwhile(lambda chunk: chunk.kind != b"IDAT", _chunks(original))
    for _, body in takewhile(lambda chunk: chunk.kind == b"IDAT", rest):
        for at in range(0, len(body), PIECE_BYTES):
            yield bytes(body[at : at + PIECE_BYTES])


def _chunks(original: bytes) -> Iterator[Chunk]:
    view, at = memoryview(original), len(SIGNATURE)
    while at + 8 <= len(view):
        length, kind = struct.unpack(">I4s", view[at : at + 8])
        yield Chunk(kind, view[at + 8 : at + 8 + length])
        at += 12 + length


def _written(kind: bytes, body: bytes | memoryview) -> bytes:
    return b"".join([struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))])
