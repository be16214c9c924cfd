"""The bodies that `bad_inputs_b.csv` describes in words, by the case's id."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.builders import a_track

EVENT = msgspec.json.encode(a_track("Good"))


@dataclass(frozen=True)
class Sent:
    """One request; a header that is None is left out."""

    body: bytes
    headers: dict[str, str | None] = field(default_factory=dict)


def batch(*events: bytes) -> bytes:
    """The envelope around events given as bytes."""
    return b'{"batch":[' + b",".join(events) + b"]}"


def event(**members: Any) -> bytes:
    """EVENT with members replaced."""
    return msgspec.json.encode(a_track("Case", **members))


def with_properties(text: bytes) -> bytes:
    """A batch of EVENT whose `properties` are these very bytes."""
    return batch(EVENT[:-1] + b',"properties":' + text + b"}")


def with_value(text: bytes) -> bytes:
    """A batch of EVENT with one property `v`, these very bytes."""
    return with_properties(b'{"v":' + text + b"}")


def packed(body: bytes, **headers: str | None) -> Sent:
    return Sent(body, {"content-encoding": "gzip", **headers})


def gzipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def at(timestamp: object) -> bytes:
    return batch(event(timestamp=timestamp))


def ten(**replaced: bytes) -> bytes:
    """Ten good events of different ids; `e3=...` replaces the one at index 3."""
    return batch(*(replaced.get(f"e{n}", event(messageId=f"m{n}")) for n in range(10)))


def _without_id() -> bytes:
    found = a_track("Case")
    del found["messageId"]
    return msgspec.json.encode(found)


def _wrong_crc() -> bytes:
    good = gzipped(batch(EVENT))
    return good[:-8] + (zlib.crc32(b"other")).to_bytes(4, "little") + good[-4:]


def _numbers(count: int) -> bytes:
    return b"[" + b",".join([b"1"] * count) + b"]"


def _mixed(count: int) -> bytes:
    return b"[" + b",".join([b'1,"a",null,true'] * (count // 4) + [b"{}"] * (count % 4)) + b"]"


NO_KEY: dict[str, str | None] = {"authorization": None}
BOMB = 100_000_000
CASES: dict[str, Callable[[], bytes | Sent]] = {
    "in-A12.1": lambda: packed(gzipped(b"0" * BOMB)),
    "in-A12.2": lambda: Sent(gzipped(gzipped(gzipped(batch(EVENT)))), {"content-encoding": "gzip, gzip, gzip"}),
    "in-A13.1": lambda: packed(gzipped(batch(EVENT)) + b"garbage"),
    "in-A13.2": lambda: packed(gzipped(batch(EVENT)) * 2),
    "in-A13.3": lambda: packed(_wrong_crc()),
    "in-A14.1": lambda: Sent(batch(EVENT), {"content-encoding": "br"}),
    "in-A14.2": lambda: Sent(gzipped(gzipped(batch(EVENT))), {"content-encoding": "gzip, gzip"}),
    "in-A16.1": lambda: Sent(
        batch(EVENT).decode().encode("utf-16"), {"content-type": "application/json; charset=utf-16"}
    ),
    "in-A16.2": lambda: batch(EVENT).decode().encode("utf-16"),
    "in-A17.1": lambda: with_value(b'"\xff"'),
    "in-A17.2": lambda: with_value(b'"\xc0\xaf"'),
    "in-B1.1": lambda: b" \r\n\t ",
    "in-B1.2": lambda: packed(gzipped(b"")),
    "in-B2.1": lambda: b'"x"',
    "in-B2.2": lambda: b'{"batch":{}}',
    "in-B2.3": lambda: batch(b"1", EVENT),
    "in-B3.1": lambda: batch(EVENT) + b' {"batch":[]}',
    "in-B3.2": lambda: batch(EVENT) + b" // c",
    "in-B3.3": lambda: b'{"batch":[' + EVENT + b",]}",
    "in-B3.4": lambda: b"{'batch':[]}",
    "in-B3.5": lambda: b'{"batch":[' + EVENT,
    "in-B3.6": lambda: with_value(b'"a\tb"'),
    "in-B4.1": lambda: with_value(b"NaN"),
    "in-B4.2": lambda: with_value(b"Infinity"),
    "in-B4.3": lambda: with_value(b"1e400"),
    "in-B5.1": lambda: with_value(b"9223372036854775808"),
    "in-B5.2": lambda: with_value(b"9007199254740993"),
    "in-B5.3": lambda: with_value(b"7" * 5_000),
    "in-B5.4": lambda: with_value(b"1e999999"),
    "in-B5.5": lambda: with_value(b"18446744073709551616"),
    "in-B6.1": lambda: with_properties(b'{"a":1,"a":2}'),
    "in-B6.2": lambda: with_properties(b'{"a":1,"\\u0061":2}'),
    "in-B7.1": lambda: with_properties(b'{"a":' * 33 + b"1" + b"}" * 33),
    "in-B8.1": lambda: with_properties(msgspec.json.encode({f"p{n}": n for n in range(10_000)})),
    "in-B9.1": lambda: with_properties(b'{"' + b"n" * 10_000 + b'":1}'),
    "in-B9.2": lambda: with_properties(b'{"__proto__":1}'),
    "in-B9.3": lambda: with_properties(b'{"$set":1,"a.b":2}'),
    "in-B10.1": lambda: batch(EVENT.replace(b'"Good"', b'"\\ud800"')),
    "in-B10.2": lambda: with_properties(b'{"\\udc00x":1}'),
    "in-B11.1": lambda: with_value(b'"\\u0000"'),
    "in-B13.1": lambda: with_value(b'"' + b"x" * 1_000_000 + b'"'),
    "in-B13.2": lambda: with_value(b'"' + b"x" * 65_000 + b'"'),
    "in-B14.1": lambda: with_properties(msgspec.json.encode({f"p{n}": "x" * 50_000 for n in range(22)})),
    "in-B14.2": lambda: batch(*[event(properties={"s": "x" * 60_000})] * 100),
    "in-B15.1": lambda: ten(e3=_without_id()),
    "in-B15.2": lambda: ten(e0=event(type="x"), e9=event(properties={"v": 2**53})),
    "in-B15.3": lambda: batch(*[b'{"type":"track","event":"A"}'] * 500),
    "in-B16.1": lambda: batch(EVENT, EVENT),
    "in-B16.2": lambda: batch(EVENT),
    "in-B17.1": lambda: batch(event(messageId="m-Good", properties={"other": 1})),
    "in-B17.2": lambda: batch(EVENT, EVENT.replace(b'"Good"', b'"other"')),
    "in-B18.1": lambda: batch(event(messageId="abc")),
    "in-B18.2": lambda: batch(event(messageId="00000000-0000-0000-0000-000000000000")),
    "in-B18.3": lambda: batch(event(messageId="9B1DEB4D-3B7D-4BAD-9BDD-2B0D7B3DCB6D")),
    "in-B18.4": lambda: batch(event(messageId="{9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d}")),
    "in-B19.1": lambda: batch(event(version=99)),
    "in-B19.2": lambda: batch(event(type="no_such_type")),
    "in-B20.1": lambda: batch(event(extra=1)),
    "in-B21.1": lambda: Sent(batch(EVENT), NO_KEY),
    "in-B21.2": lambda: Sent(batch(EVENT), {**NO_KEY, "x-write-key": "wrong"}),
    "in-B21.5": lambda: Sent(batch(EVENT), {"authorization": "Basic not-base64!"}),
    "in-B22.1": lambda: Sent(batch(EVENT), {"authorization": "Bearer abc", "x-write-key": "local-write-key"}),
    "in-B23.1": lambda: at("0001-01-01T00:00:00Z"),
    "in-B23.2": lambda: at("2026-02-30T00:00:00Z"),
    "in-B23.3": lambda: at("2026-11-21T12:00:00"),
    "in-B23.4": lambda: at(1760000000),
    "in-B23.5": lambda: at("2016-12-31T23:59:60Z"),
    "in-B24.1": lambda: (
        batch(event(timestamp="2026-11-21T12:00:00Z"))[:-1] + b',"sentAt":"2026-11-20T12:00:00Z"}'
    ),
    "in-B25.1": lambda: b'{"batch":[]}',
    "in-B26.1": lambda: with_value(_numbers(100_000)),
    "in-B26.2": lambda: with_value(_mixed(1_001)),
    "in-B27.1": lambda: with_value(b"-0"),
    "in-B27.2": lambda: with_value(b"0x10"),
    "in-B27.3": lambda: with_value(b"1."),
}  # fmt: skip
