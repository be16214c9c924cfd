"""How records lie in the spool: framed and checked, so that a torn or damaged file says which of its records hold.

A frame is `MAGIC | length | CRC32C of length and body | body`, numbers big-endian. `MAGIC` holds bytes that UTF-8 never
does, and bodies are text but for a few lengths: after damage the next frame is found by it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from struct import Struct as Layout

import google_crc32c
import msgspec

MAGIC = b"\xffDR1\xfe"  # ends in the version of what follows
MAX_WAVE = 500  # records in flight at once; the producer's queue holds a hundred times as many
SLOWEST, FASTEST = 4_000.0, 40_000.0  # records drained per second: at the slowest a worker keeps half of its core
LATE_S = 0.02  # an event loop later than this lets live requests wait, too

_HEAD = Layout(">II")
_START = len(MAGIC) + _HEAD.size


class Spooled(msgspec.Struct, frozen=True, array_like=True):
    """One record of events.v1 that waits for Kafka, and when it began to."""

    since: datetime
    app: str
    events: int
    trace: str
    key: str
    value: bytes


class Scan(msgspec.Struct, frozen=True):
    """What a segment's bytes hold: records in order, the byte after the last one, and how many before it are lost."""

    records: tuple[Spooled, ...]
    end: int
    damaged: int


def frame(record: Spooled) -> bytes:
    """The bytes to append for one record."""
    body = _encode(record)
    return MAGIC + _HEAD.pack(len(body), _checksum(body)) + body


def scan(data: bytes) -> Scan:
    """Every record that holds. What follows `end` was torn off in the writing, or is damaged to the last byte."""
    found: list[Spooled] = []
    at = end = damaged = 0
    while (at := data.find(MAGIC, at)) >= 0:
        if (body := _body(data, at)) is None:
            at += 1
            continue
        damaged += at - end
        found.append(_decode(body))
        at = end = at + _START + len(body)
    return Scan(tuple(found), end, damaged)


def waves(records: Iterable[Spooled]) -> Iterator[list[Spooled]]:
    """First the first of each key, then the second, ...: what is in flight together cannot overtake its own kind."""
    seen: Counter[str] = Counter()
    found: list[list[Spooled]] = []
    for record in records:
        if seen[record.key] == len(found):
            found.append([])
        found[seen[record.key]].append(record)
        seen[record.key] += 1
    for wave in found:
        yield from (wave[start : start + MAX_WAVE] for start in range(0, len(wave), MAX_WAVE))


def paced(per_s: float, late_s: float) -> float:
    """Records to drain per second from now on, by what was and how late the event loop is: that is what requests feel.

    Up by little, down by half: where live traffic is heavy, a pace that was right for light traffic would never end.
    """
    return max(SLOWEST, per_s / 2) if late_s > LATE_S else min(FASTEST, per_s * 1.1)


def _body(data: bytes, at: int) -> bytes | None:
    """The body of the frame that starts there; None when it is cut off or does not match its checksum."""
    if len(data) < at + _START:
        return None
    length, checksum = _HEAD.unpack_from(data, at + len(MAGIC))
    body = data[at + _START : at + _START + length]
    return body if len(body) == length and _checksum(body) == checksum else None


def _checksum(body: bytes) -> int:
    return int(google_crc32c.extend(google_crc32c.value(len(body).to_bytes(4, "big")), body))


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Spooled).decode
