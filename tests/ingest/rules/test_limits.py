import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rules.limits import ITEMS, NESTING, PROPERTIES, STRING_BYTES, fault, suspicious

INSIDE = [
    b'{"a":9007199254740991}',
    b'{"a":-9007199254740991}',
    b'{"a":1e308}',
    b'{"a":-0}',
    b'{"a":"12345678901234567890"}',
    b'{"a":"1e999 and {[{["}',
    b'{"a":"\\\\\\"1e999"}',
    b'{"__proto__":1,"$set":2,"a.b":3}',
    b'{"a":"' + b"x" * STRING_BYTES + b'"}',
    b'{"a":[' + b"1," * (ITEMS - 1) + b"1]}",
    b"[" * NESTING + b"]" * NESTING,
]
OUTSIDE = [
    (b'{"a":9007199254740992}', "number_out_of_range"),
    (b'{"a":[-9007199254740993]}', "number_out_of_range"),
    (b'{"a":18446744073709551616}', "number_out_of_range"),
    (b'{"a":' + b"7" * 5000 + b"}", "number_out_of_range"),
    (b'{"a":1e400}', "not_finite"),
    (b'{"a":-1E999999}', "not_finite"),
    (b'{"a":"\\u0000"}', "nul_not_allowed"),
    (b'{"a\\u0000":1}', "nul_not_allowed"),
    (b'{"a":"' + b"x" * (STRING_BYTES + 1) + b'"}', "string_too_long"),
    (b'{"a":"' + "ß".encode() * (STRING_BYTES // 2 + 1) + b'"}', "string_too_long"),
    (b'{"a":[' + b"1," * ITEMS + b"1]}", "array_too_long"),
    (b'{"' + b"n" * 10_000 + b'":1}', "bad_property_name"),
    (b'{"' + b"n" * 201 + b'":1}', "bad_property_name"),
    (b'{"a":{"' + b"n" * 150 + b'\\"' + b"n" * 150 + b'":1}}', "bad_property_name"),
    (b'{"a":-12345678901234567}', "number_out_of_range"),
    (b'{"a":[1,' + b"7" * 40 + b"]}", "number_out_of_range"),
    (b'{"a": 0.5E+400}', "not_finite"),
    (b'{"a":"8e123", "b":' + b"9" * 40 + b"e300}", "not_finite"),
    (msgspec.json.encode({f"p{n}": n for n in range(PROPERTIES + 1)}), "too_many_properties"),
    (b"[" * (NESTING + 1) + b"]" * (NESTING + 1), "too_deep"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, "too_deep"),
]


@pytest.mark.parametrize("raw", INSIDE, ids=lambda raw: str(raw[:24]))
def test_what_is_within_every_limit_has_no_fault(raw: bytes) -> None:
    assert fault(raw) is None


@pytest.mark.parametrize(("raw", "code"), OUTSIDE, ids=lambda part: str(part[:24]))
def test_what_breaks_a_limit_is_noticed_and_named(raw: bytes, code: str) -> None:
    assert suspicious(raw)
    assert fault(raw) == code


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id":"1234567890123456789","v":0.30000000000000004,"u":"3b7d8e123-12e000"}',
        b'{"messageId":"ajs-next-1763748000123-12345678901234567"}',
        b'{"a":"' + b"x" * 199 + b'","path":"a\\/b"}',
    ],
    ids=["ids and fractions", "a message id", "just short enough"],
)
def test_what_honest_clients_send_is_not_suspicious(raw: bytes) -> None:
    assert not suspicious(raw)


@given(json_values)
def test_what_is_not_suspicious_breaks_no_limit(value: object) -> None:
    raw = msgspec.json.encode(value)

    assert suspicious(raw) or fault(raw) is None
