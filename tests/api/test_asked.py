import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api import asked
from schemas.problems import Refusal
from schemas.topics import Origin


def code_of(error: pytest.ExceptionInfo[Refusal]) -> str:
    return error.value.refused.code


@pytest.mark.parametrize(
    "text", [" 1", "١", "10000000000000000000000", "0", "01", "-1", "1\n", "", "{a}:b", str(2**63)]
)
def test_an_id_is_plain_digits_of_64_bits(text: str) -> None:
    with pytest.raises(Refusal) as error:
        asked.identifier(text)
    assert code_of(error) == "bad_id"


def test_the_largest_id_is_an_id() -> None:
    assert asked.identifier(str(2**63 - 1)) == str(2**63 - 1)


@pytest.mark.parametrize("text", ["0", "1e2", "", "101", "-1", " 5", "٥", "5.0", "999999999999"])
def test_a_limit_is_1_to_100(text: str) -> None:
    with pytest.raises(Refusal) as error:
        asked.limit(text)
    assert code_of(error) == "bad_limit"


def test_a_limit_may_be_left_out() -> None:
    assert (asked.limit(None), asked.limit("1"), asked.limit("100")) == (20, 1, 100)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([("offset", "1000000000")], "unknown_param"),
        ([("fields", "a,a")], "bad_fields"),
        ([("include", "photos.author.photos")], "bad_fields"),
        ([("limit", "1"), ("limit", "2")], "bad_limit"),
        ([("cursor", "a"), ("cursor", "b")], "bad_cursor"),
    ],
)
def test_a_parameter_is_known_and_given_once(given: list[tuple[str, str]], code: str) -> None:
    with pytest.raises(Refusal) as error:
        asked.parameters(given, ("limit", "cursor"))
    assert code_of(error) == code


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic abcdefghijklmnop", "Bearer a b", "Bearer kurz"]
)
def test_without_a_bearer_token_nobody_asks(header: str | None) -> None:
    with pytest.raises(Refusal) as error:
        asked.token_sha256(header)
    assert code_of(error) == "invalid_token"


def test_a_position_names_one_of_our_topics() -> None:
    assert asked.read_after("facts.v1:3:1207") == Origin("facts.v1", 3, 1207)
    for text in ("facts.v1:3", "other:1:1", "facts.v1:x:1", ""):
        with pytest.raises(Refusal) as error:
            asked.read_after(text)
        assert code_of(error) == "bad_value"


@pytest.mark.parametrize("held", ['"a"', 'W/"a"', '"b", "a"', "*", ' "b" , W/"a" '])
def test_an_etag_matches_weakly(held: str) -> None:
    assert asked.matches(held, '"a"')


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.text())
def test_another_etag_does_not_match(held: str) -> None:
    assert not asked.matches(held.replace("*", ""), '"a long tag"')
