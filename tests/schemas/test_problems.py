from typing import get_args

import msgspec
import pytest

from schemas.problems import PROBLEMS, Code, Fault, Refused, body, headers


def test_every_code_has_a_status_and_a_title() -> None:
    assert set(get_args(Code)) == set(PROBLEMS)
    assert all(400 <= status <= 503 for status, _ in PROBLEMS.values())
    assert [code for code, (status, _) in PROBLEMS.items() if status == 500] == ["internal_error"], "the last resort"


def test_a_problem_names_code_place_and_request() -> None:
    document = msgspec.json.decode(body(Refused("not_found", "no such roll"), instance="/v1/rolls/7", request_id="r1"))

    assert document == {
        "type": "urn:darkroom:problem:not_found", "title": "There is nothing here", "status": 404, "code": "not_found",
        "detail": "no such roll", "instance": "/v1/rolls/7", "request_id": "r1", "retryable": False, "errors": [],
    }  # fmt: skip


def test_a_problem_stays_small_whatever_is_wrong() -> None:
    faults = tuple(Fault(f"/batch/{n}/properties/{'x' * 20}", "type_error") for n in range(500))

    assert len(body(Refused("type_error", "y" * 5000, faults), instance="/" + "z" * 9000, request_id="r")) <= 2048


@pytest.mark.parametrize("code", ["unavailable", "rebuilding"])
def test_what_passes_says_when_to_come_back(code: Code) -> None:
    assert headers(Refused(code, ""))["retry-after"] == "1"


def test_a_missing_token_says_how_to_sign_in() -> None:
    assert headers(Refused("invalid_token", ""))["www-authenticate"] == "Bearer"
