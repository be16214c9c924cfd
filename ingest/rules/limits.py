"""What one analytics event's JSON may hold. msgspec's `Raw` checks grammar only: size, depth, numbers and NUL are ours.

Only an event that looks unusual (`suspicious`) takes the walk of `fault`: an honest one costs two scans of its bytes.
"""

import re

import msgspec

from schemas.problems import Code

EVENT_BYTES = 800_000  # with the batch's context, which travels in the same record
STRING_BYTES = 64_000
NAME_CHARS = 200
PROPERTIES = 512
ITEMS = 1_000
NESTING = 33  # `properties` may be nested 32 deep, and stands in the event
SAFE_INTEGER = (1 << 53) - 1  # beyond it JavaScript and half of all JSON parsers round
LOOKS_LARGE = 2_000  # below it no array can exceed ITEMS, no object PROPERTIES, no string STRING_BYTES

# Every digit as 0, every bracket that opens as {, every E as e (and + left out): then plain searches find long numbers
# and large exponents. A regular expression for the same takes ten times as long.
_FOLDED = bytes.maketrans(b"123456789[E", b"000000000{e")
_LONG = b"0" * 16
_LARGE_EXPONENT = b"0e000"
_BEFORE_NUMBER = b":,{ \t\r\n"  # in folded text; a digit after anything else stands in a string
_LOOK_BACK = 32
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_BRACKET = re.compile(rb"[\[\]{}]")


def suspicious(raw: bytes) -> bool:
    """True when `fault` must look at this event; what is not suspicious is within every limit."""
    return large_or_deep(raw) or odd(raw)


def large_or_deep(raw: bytes) -> bool:
    """Whether an event may hold too much, or too deep."""
    return len(raw) > LOOKS_LARGE or raw.count(b"{") + raw.count(b"[") > NESTING


def odd(text: bytes) -> bool:
    """Whether some event in `text` (one, or a whole body) may hold a number, a name or a NUL that breaks a limit."""
    if b"\\" in text and (b"\\u0000" in text or b'\\"' in text):  # an escaped quote would hide a long name
        return True
    folded = text.translate(_FOLDED, b"+")
    return _long_integer(folded) or _large_exponent(folded) or _long_string(text)


def _long_integer(folded: bytes) -> bool:
    """Whether 16 digits stand in a number before its point; ids in strings and fractions are honest."""
    at = folded.find(_LONG)
    while at >= 0:
        before = folded[max(0, at - _LOOK_BACK) : at].rstrip(b"0")
        if before[-1:] != b"." and before.rstrip(b"-")[-1:] in _BEFORE_NUMBER:
            return True
        at = folded.find(_LONG, at + len(_LONG))
    return False


def _large_exponent(folded: bytes) -> bool:
    """Whether a number's exponent has three digits; every fourth UUID holds something that looks like it."""
    at = folded.find(_LARGE_EXPONENT)
    while at >= 0:
        if folded[max(0, at - _LOOK_BACK) : at].rstrip(b"0.-")[-1:] in _BEFORE_NUMBER:
            return True
        at = folded.find(_LARGE_EXPONENT, at + 1)
    return False


def _long_string(text: bytes) -> bool:
    """Whether more than `NAME_CHARS` bytes stand between two quotes: leaps from quote to quote."""
    at, last = 0, len(text) - NAME_CHARS
    while at < last:
        quote = text.rfind(b'"', at, at + NAME_CHARS + 1)
        if quote < 0:
            return True
        at = quote + 1
    return False


def fault(raw: bytes) -> Code | None:
    """The first limit that the (well-formed) JSON breaks."""
    bare = _STRING.sub(b'""', raw)
    if nesting(bare) > NESTING:
        return "too_deep"
    for number in _NUMBER.findall(bare):
        if code := _number_fault(number):
            return code
    return _walk(msgspec.json.decode(raw))


def nesting(bare: bytes) -> int:
    """How deep the brackets go; strings must have been taken out."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(bare):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def without_strings(text: bytes) -> bytes:
    """The JSON with every string emptied, so that what is left is structure, numbers and words."""
    return _STRING.sub(b'""', text)


def _number_fault(number: bytes) -> Code | None:
    if number.lstrip(b"-").isdigit():
        safe = len(number) <= 17 and abs(int(number)) <= SAFE_INTEGER
        return None if safe else "number_out_of_range"
    return "not_finite" if float(number) in (float("inf"), float("-inf")) else None


def _walk(value: object) -> Code | None:
    match value:
        case str():
            return text_fault(value)
        case list():
            return "array_too_long" if len(value) > ITEMS else _first(value)
        case dict():
            return _object_fault(value)
    return None


def _object_fault(found: dict[str, object]) -> Code | None:
    if len(found) > PROPERTIES:
        return "too_many_properties"
    if any(len(name) > NAME_CHARS for name in found):
        return "bad_property_name"
    if any("\0" in name for name in found):
        return "nul_not_allowed"
    return _first(list(found.values()))


def _first(values: list[object]) -> Code | None:
    return next((code for value in values if (code := _walk(value))), None)


def text_fault(text: str) -> Code | None:
    """What is wrong with one string of an event."""
    if "\0" in text:
        return "nul_not_allowed"
    too_long = len(text) > STRING_BYTES // 4 and len(text.encode()) > STRING_BYTES
    return "string_too_long" if too_long else None
