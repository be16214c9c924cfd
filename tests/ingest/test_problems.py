"""Problems as clients get them, to the letter."""

from typing import Any

import pytest

from tests.ingest.world import World

REQUEST = {"x-request-id": "golden-request"}
GOLDEN: list[tuple[str, str, dict[str, Any], dict[str, str], dict[str, Any]]] = [
    (
        "POST", "/v1/batch", {"content": b"{"}, {"content-type": "application/json", "x-write-key": "local-write-key"},
        {
            "type": "urn:darkroom:problem:malformed_json", "title": "The body is not JSON", "status": 400,
            "code": "malformed_json", "detail": "the body is not JSON", "instance": "/v1/batch",
            "request_id": "golden-request", "retryable": False, "errors": [],
        },
    ),
    (
        "POST", "/v1/accounts", {"json": {"username": "ana", "password": "correct horse", "tz": 7}}, {},
        {
            "type": "urn:darkroom:problem:type_error", "title": "A member has the wrong type or is missing",
            "status": 422, "code": "type_error", "detail": "/tz is missing or not of its type",
            "instance": "/v1/accounts", "request_id": "golden-request", "retryable": False,
            "errors": [{"pointer": "/tz", "code": "type_error"}],
        },
    ),
    (
        "POST", "/v1/sessions", {"json": {"username": "ana", "password": "wrong"}}, {},
        {
            "type": "urn:darkroom:problem:invalid_credentials", "title": "User name or password is wrong",
            "status": 401, "code": "invalid_credentials", "detail": "user name or password is wrong",
            "instance": "/v1/sessions", "request_id": "golden-request", "retryable": False, "errors": [],
        },
    ),
    (
        "DELETE", "/v1/photos/7", {}, {},
        {
            "type": "urn:darkroom:problem:invalid_token", "title": "The access token is missing or unknown",
            "status": 401, "code": "invalid_token", "detail": "the access token is missing or unknown",
            "instance": "/v1/photos/7", "request_id": "golden-request", "retryable": False, "errors": [],
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "where", "how", "headers", "golden"), GOLDEN, ids=lambda part: str(part)[:20])
async def test_a_problem_reads_like_this(
    world: World, method: str, where: str, how: dict[str, Any], headers: dict[str, str], golden: dict[str, Any]
) -> None:
    answer = await world.http.request(method, where, headers={**REQUEST, **headers}, **how)

    assert answer.json() == golden
    assert answer.status_code == golden["status"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"] == "golden-request"
