"""What people say to each other: something, and not without end."""

import time
import unicodedata

import pytest

from ingest.rules.words import GRAPHEME_CODE_POINTS, MENTIONS, TEXT_GRAPHEMES, canonical, text_fault

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


def code(text: str) -> str | None:
    refused = text_fault(text, "/text")
    return refused.code if refused else None


@pytest.mark.parametrize(
    "text",
    [
        "Fog!",
        "line\nline",
        "\u202eright to left",
        "<script>alert(1)</script>",
        FAMILY,
        "\U0001f44d\U0001f3fd",
        "\U0001faea an emoji that this Python may not know",
        "x" * TEXT_GRAPHEMES,
        "e\u0301" * TEXT_GRAPHEMES,
        FAMILY * 2_000,
        "a" + "\u0301" * (GRAPHEME_CODE_POINTS - 1),
        "#tag " * MENTIONS,
        "# and @ alone are signs" * 100,
    ],
)
def test_people_say_what_they_like(text: str) -> None:
    assert code(text) is None


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "\u200b\u2060\ufeff", "\u2800", "\u3164 ", "\ufe0f", "\u202e"])
def test_what_shows_nothing_is_empty(text: str) -> None:
    assert code(text) == "empty_text"


@pytest.mark.parametrize(
    "text",
    [
        "x" * (TEXT_GRAPHEMES + 1),
        "e\u0301" * (TEXT_GRAPHEMES + 1),
        "a" + "\u0301" * GRAPHEME_CODE_POINTS,
        "a" + "\u200d" * 1_000,
        "\u200da" * 1_000,
        "e" + "\u0301" * 5_000,
    ],
)
def test_text_without_end_is_too_long(text: str) -> None:
    assert code(text) == "text_too_long"


def test_nul_and_too_many_names_are_refused() -> None:
    assert code("a\0b") == "nul_not_allowed"
    assert code("#tag " * (MENTIONS + 1)) == "too_many_mentions"
    assert code("#a@b" * 16) == "too_many_mentions"


def test_marks_are_judged_before_they_are_put_in_order_which_takes_squares_of_their_number() -> None:
    marks = "e" + "\u0301\u0316" * 30_000

    began = time.process_time()
    assert code(marks) == "text_too_long"
    took_s = time.process_time() - began

    assert took_s < 0.5, "a collection of garbage may fall into it"
    assert canonical("e\u0301") == unicodedata.normalize("NFC", "e\u0301") == "\u00e9"
