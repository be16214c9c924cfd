"""Bytes that were valid once: a plan of edits is drawn by hypothesis or by a seeded `Random`, and applied here."""

from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

MOST_EDITS = 3  # of which mostly one: what is quite broken is refused at its first byte
TOKENS = (  # what parsers and decoders have fallen over
    b"\0", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\ud800", b"\\u0000", b'"', b"\\", b"{", b"}",
    b"[", b"]", b",", b":", b"null", b"true", b"-", b"1e400", b"NaN", b"9" * 30, b"9" * 5_000, b"[" * 40,
    b'{"a":' * 40, b"[" * 5_000, b'"messageId":null,', b'"type":"track",', b'"batch":[],', b'{"type":"track"},',
    b"\r\n", b"\r\n\r\n", b"\n", b" ", b"\t", b";", b"%", b"%2f", b"%00", b"?a=1&a=1", b"0\r\n\r\n", b"ffffffff\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n",
    b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Content-Encoding: gzip\r\n", b"Host: b\r\n",
    b"X-Request-Deadline: 1\r\n", b"Origin: null\r\n", b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.0", b"x" * 20_000,
)  # fmt: skip


class Edit(NamedTuple):
    """One change at `place` (0..1 of the length)."""

    kind: int
    place: float
    token: bytes


def mutated(data: bytes, edits: list[Edit]) -> bytes:
    """After all the edits: flip a bit, insert, overwrite, cut, double a stretch, cut the end."""
    for kind, place, token in edits:
        at = int(place * len(data))
        stretch = 1 + len(token) % 64
        match kind:
            case 0:
                data = data[:at] + bytes([(data[at] if at < len(data) else 0) ^ 1 << len(token) % 8]) + data[at + 1 :]
            case 1:
                data = data[:at] + token + data[at:]
            case 2:
                data = data[:at] + token + data[at + len(token) :]
            case 3:
                data = data[:at] + data[at + stretch :]
            case 4:
                data = data[: at + stretch] + data[at:]
            case _:
                data = data[:at]
    return data


def edits() -> st.SearchStrategy[list[Edit]]:
    """Some edits; a token is one of the nasty ones or a few bytes."""
    token = st.sampled_from(TOKENS) | st.binary(min_size=1, max_size=8)
    edit = st.builds(Edit, st.integers(0, 5), st.floats(0, 1, exclude_max=True), token)
    return st.lists(edit, min_size=1, max_size=1) | st.lists(edit, min_size=1, max_size=MOST_EDITS)


def random_edits(dice: Random) -> list[Edit]:
    """The same without hypothesis, for volumes in which its bookkeeping would cost more than the requests."""
    return [
        Edit(dice.choice((0, 1, 1, 2, 3, 4, 5)), dice.random(), dice.choice(TOKENS))
        for _ in range(dice.choice((1, 1, 2, MOST_EDITS)))
    ]
