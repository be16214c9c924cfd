"""What one analytics event's JSON may hold. msgspec's `Raw` checks grammar only: size, depth, numbers and NUL are ours.

Only an event that looks unusual (`suspicious`) takes the walk of `fault`: an honest one is read once, in C, by a type
that allows nothing beyond a limit (`Value`).
"""

import re
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from schemas.problems import Code

EVENTS = 500  # of a batch
EVENT_BYTES = 800_000  # with the batch's context, which travels in the same record
STRING_BYTES = 64_000
NAME_CHARS = 200
PROPERTIES = 512
ITEMS = 1_000
NESTING = 33  # `properties` may be nested 32 deep, and stands in the event
SAFE_INTEGER = (1 << 53) - 1  # beyond it JavaScript and half of all JSON parsers round

N = TypeVar("N", bound=str)
T = TypeVar("T")
Name = Annotated[str, Meta(max_length=NAME_CHARS)]
Text = Annotated[str, Meta(max_length=STRING_BYTES // 4)]  # so many characters are never too many bytes
Integer = Annotated[int, Meta(ge=-SAFE_INTEGER, le=SAFE_INTEGER)]
Scalar = None | bool | Text | Integer | float  # msgspec itself refuses a float that would be infinite
Members = Annotated[dict[N, T], Meta(max_length=PROPERTIES)]
Deeper = Scalar | Members[N, T] | Annotated[list[T], Meta(max_length=ITEMS)]
# Within every limit but for NUL, when N is Name; honest clients nest two or three deep.
Value = Deeper[N, Deeper[N, Deeper[N, Deeper[N, Scalar]]]]

_plain = msgspec.json.Decoder(Members[Name, Value[Name]])
_NUL = b"\\u0000"  # JSON has no other way to write it
_SHORT = re.compile(rb"(?s:(?>.{0,%d}\")*+.{0,%d})" % (NAME_CHARS, NAME_CHARS))  # leaps from quote to quote
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_BRACKET = re.compile(rb"[\[\]{}]")


def suspicious(raw: bytes) -> bool:
    """True when `fault` must look at this event; what is not suspicious is within every limit."""
    if may_hold_nul(raw):
        return True
    try:
        _plain.decode(raw)
    except msgspec.DecodeError:
        return True
    return False


def may_hold_nul(text: bytes) -> bool:
    """Whether some string in the JSON may hold U+0000; looks for a backslash first, which takes no time."""
    return b"\\" in text and _NUL in text


def short_names(text: bytes) -> bool:
    """True when no name in the JSON can be too long, whatever it looks like: checking each takes ten times as long."""
    return _SHORT.fullmatch(text) is not None and not (b"\\" in text and b'\\"' in text)


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
