from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from processors.dead import Dead, distinct, opened
from processors.processor import Record
from processors.stores.dead_letters import LONGEST_REASON, DeadLetters, Headers, Letter
from tests.builders import NOON, an_origin

Written = tuple[str, bytes | None, bytes | None, Headers]


async def written(letter: Letter) -> Written:
    found: list[Written] = []

    async def send(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        found.append((topic, key, value, headers))

    await DeadLetters(send, "views", lambda: NOON).write([letter])
    return found[0]


def a_letter(
    key: bytes | None = b"k",
    value: bytes | None = b"v",
    headers: Sequence[tuple[str, bytes]] = (),
    reason: str = "ValueError: no",
    offset: int = 7,
) -> Letter:
    return Letter(Record(an_origin(offset), key, value, dict(headers)), tuple(headers), "decode", reason, 1)


@pytest.mark.parametrize(("key", "value"), [(b"k", b"v"), (None, b"v"), (b"k", None), (None, None), (b"", b"")])
async def test_a_letter_is_read_as_it_was_written(key: bytes | None, value: bytes | None) -> None:
    letter = a_letter(key, value, headers=[("reason", b"the original's own"), ("x", b"1"), ("x", b"2")])

    topic, *record, headers = await written(letter)

    assert topic == "dead.v1"
    assert record != [None, None]  # the producer refuses a record of nothing at all
    assert opened(record[0], record[1], headers) == Dead(letter, "views", NOON.isoformat())


async def test_a_long_reason_is_cut_so_that_the_letter_fits() -> None:
    *_, headers = await written(a_letter(reason="x" * 10_000))

    assert len(dict(headers)["reason"]) == LONGEST_REASON


def test_records_with_the_same_fault_are_one_group() -> None:
    faults = ["ValidationError: Expected `int`, got `str` - at `$.n`", "ValidationError: Expected `str` - at `$[3].id`"]

    assert len({dead(reason=reason).group for reason in faults}) == 1
    assert dead(reason="KeyError: 'film'").group != dead(reason=faults[0]).group


def test_copies_of_a_letter_count_once() -> None:
    assert len(distinct([dead(offset=1), dead(offset=1), dead(offset=2)])) == 2


def dead(reason: str = "ValueError: no", offset: int = 7) -> Dead:
    return Dead(a_letter(reason=reason, offset=offset), "views", datetime(2026, 1, 1, tzinfo=UTC).isoformat())
