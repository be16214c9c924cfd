from typing import Any

import pytest

from ingest.rules.accounts import Register, decide_registration
from schemas.facts import UserRegistered
from schemas.problems import Refused
from tests.builders import NOON, a_fact_id, a_user


def registration(**members: Any) -> UserRegistered | Refused:
    command = Register(**{"username": "ana", "password": "correct horse", "tz": "Europe/Lisbon", **members})
    return decide_registration(command, id=a_fact_id("registered"), user=a_user(), at=NOON)


def test_a_good_command_becomes_the_fact() -> None:
    found = registration(email="ana@example.org", display_name="Ana")

    assert isinstance(found, UserRegistered)
    assert (found.by, found.tz, found.personal.username) == (a_user(), "Europe/Lisbon", "ana")


def test_the_password_stands_nowhere_in_the_fact() -> None:
    assert "correct horse" not in repr(registration())


def test_a_display_name_is_kept_in_one_spelling() -> None:
    found = registration(display_name="Jose\u0301")

    assert isinstance(found, UserRegistered)
    assert found.personal.display_name == "Jos\u00e9"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"username": "a"}, "bad_username"),
        ({"username": "bob."}, "bad_username"),
        ({"username": ".bob"}, "bad_username"),
        ({"username": "b..b"}, "bad_username"),
        ({"username": "аna"}, "bad_username"),
        ({"username": "ａｎａ"}, "bad_username"),
        ({"username": "ana\n"}, "bad_username"),
        ({"username": "a" * 31}, "bad_username"),
        ({"password": "1234567"}, "weak_password"),
        ({"password": "Password1"}, "weak_password"),
        ({"username": "anastasia", "password": "Anastasia"}, "weak_password"),
        ({"password": "x" * 1001}, "string_too_long"),
        ({"tz": "Mars/Olympus"}, "bad_timezone"),
        ({"email": "ana"}, "bad_email"),
        ({"email": "ana@localhost"}, "bad_email"),
        ({"email": "a" * 250 + "@b.pt"}, "bad_email"),
        ({"display_name": " "}, "bad_name"),
        ({"display_name": "x" * 101}, "bad_name"),
        ({"display_name": "ana\u202egpj"}, "bad_text"),
        ({"display_name": "a\nb"}, "bad_text"),
    ],
)
def test_a_bad_member_is_refused_with_its_code(members: dict[str, Any], code: str) -> None:
    found = registration(**members)

    assert isinstance(found, Refused)
    assert found.code == code


@pytest.mark.parametrize("password", ["12\x00345678", "🙂" * 8, "        ", "x" * 1000])
def test_a_password_is_taken_as_it_comes(password: str) -> None:
    assert isinstance(registration(password=password), UserRegistered)
