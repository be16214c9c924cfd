from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.cursor import cursor, parted, place, position
from tests.builders import a_user

SECRET, HOME, ANA = b"a long secret", "/v1/feeds/home", a_user("ana")


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.from_regex(r"[1-9][0-9]{0,18}", fullmatch=True))
def test_a_cursor_gives_its_position_back(place: str) -> None:
    assert position(SECRET, HOME, ANA, cursor(SECRET, HOME, ANA, place)) == place


def test_a_cursor_that_leads_back_is_another_one_and_says_so() -> None:
    forth, back = (cursor(SECRET, HOME, ANA, place("42", is_back=is_back)) for is_back in (False, True))
    turned = urlsafe_b64encode(urlsafe_b64decode(forth + "===")[:16] + b"<42").rstrip(b"=").decode()

    assert parted(position(SECRET, HOME, ANA, forth) or "") == ("42", False)
    assert parted(position(SECRET, HOME, ANA, back) or "") == ("42", True)
    assert position(SECRET, HOME, ANA, turned) is None


def test_a_cursor_is_bound_to_secret_endpoint_and_reader() -> None:
    text = cursor(SECRET, HOME, ANA, "42")

    assert position(b"another", HOME, ANA, text) is None
    assert position(SECRET, "/v1/users/1/photos", ANA, text) is None
    assert position(SECRET, HOME, a_user("bob"), text) is None


def test_no_changed_character_passes() -> None:
    text = cursor(SECRET, HOME, ANA, "4242")  # 20 bytes: the last character of base64 has bits to spare

    for at in range(len(text)):
        for other in "Ab9-_=":
            changed = text[:at] + other + text[at + 1 :]
            assert changed == text or position(SECRET, HOME, ANA, changed) is None


def test_another_spelling_of_the_same_bytes_is_refused() -> None:
    text = cursor(SECRET, HOME, ANA, "4242")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]

    assert urlsafe_b64decode(twin + "=") == urlsafe_b64decode(text + "=")
    assert position(SECRET, HOME, ANA, twin) is None


@pytest.mark.parametrize(
    "text", ["", "garbage", "ä", "a" * 5000, "====", "AAAA\n", cursor(SECRET, HOME, ANA, "42")[:-3]]
)
def test_what_is_no_cursor_is_no_position(text: str) -> None:
    assert position(SECRET, HOME, ANA, text) is None


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.text(max_size=60))
def test_no_text_crashes(text: str) -> None:
    assert position(SECRET, HOME, ANA, text) is None
