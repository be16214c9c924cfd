"""What is answered without work, and what every answer carries."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from ingest.front import ALWAYS, FIRST
from ingest.rules import gradient
from schemas.problems import CONTENT_TYPE
from schemas.settings import Settings
from tests.builders import a_track
from tests.ingest.world import World

PAGE = "http://localhost:3000"
BODY = msgspec.json.encode({"batch": [a_track()]})
KEY = {"x-write-key": "local-write-key", "content-type": "application/json"}


async def test_a_page_s_preflight_is_answered_from_a_constant(world: World) -> None:
    asks = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "x-write-key"}
    await world.redis.delete("epoch")

    for path in ("/v1/batch", "/v1/rolls/7/close"):
        answer = await world.http.options(path, headers=asks)

        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "X-Write-Key" in answer.headers["access-control-allow-headers"]
        assert int(answer.headers["access-control-max-age"]) >= 600


async def test_a_page_reads_answers_and_problems_alike(world: World) -> None:
    good = await world.http.post("/v1/batch", content=BODY, headers={**KEY, "origin": PAGE})
    bad = await world.http.post("/v1/batch", content=BODY, headers={"origin": PAGE})
    command = await world.http.post("/v1/rolls", json={}, headers={"origin": PAGE})

    assert [answer.status_code for answer in (good, bad, command)] == [200, 401, 401]
    for answer in (good, bad, command):
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "X-Position" in answer.headers["access-control-expose-headers"]


async def test_a_strange_page_gets_no_leave(world: World) -> None:
    asks = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answers = [await world.http.options("/v1/batch", headers=asks), await world.http.get("/live", headers=asks)]

    assert all("access-control-allow-origin" not in answer.headers for answer in answers)
    assert all(answer.headers["vary"] == "Origin" for answer in answers)


async def test_the_icon_that_browsers_ask_for_is_not_asked_for_again(world: World) -> None:
    answer = await world.http.get("/favicon.ico")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "max-age" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/batch", "POST"),
        ("PUT", "/v1/track", "POST"),
        ("GET", "/v1/rolls", "POST"),
        ("PUT", "/v1/users/7/follow", "DELETE, POST"),
        ("POST", "/live", "GET"),
        ("DELETE", "/metrics", "GET"),
    ],
)
async def test_a_wrong_method_hears_all_that_is_offered(world: World, method: str, path: str, allow: str) -> None:
    answer = await world.http.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert answer.json()["code"] == "method_not_allowed"
    assert (await world.http.options(path)).headers["allow"] == allow


async def test_what_is_late_for_its_own_deadline_is_not_begun(world: World) -> None:
    late, good, odd = [
        await world.http.post("/v1/batch", content=BODY, headers={**KEY, "x-request-deadline": when})
        for when in ("2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon")
    ]

    assert (late.status_code, late.json()["code"]) == (408, "request_timeout")
    assert [good.status_code, odd.status_code] == [200, 200]


@pytest.fixture
async def full(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A room into which nobody is let."""
    monkeypatch.setattr(gradient, "MOST", 0.0)
    async with World.running(settings) as world:
        yield world


async def test_who_is_shed_hears_at_once_when_to_come_back(full: World) -> None:
    batch = await full.http.post("/v1/batch", content=BODY, headers=KEY)
    command = await full.http.post("/v1/rolls", json={})

    for answer in (batch, command):
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert (answer.headers["retry-after"], answer.headers["content-type"]) == ("1", CONTENT_TYPE)
        assert answer.headers["x-request-id"]


async def test_who_looks_after_us_is_never_shed(full: World) -> None:
    assert [(await full.http.get(path)).status_code for path in sorted(ALWAYS)] == [200, 200, 200]
    assert "/v1/batch" in FIRST


def requests(exposition: str) -> list[str]:
    return [line for line in exposition.splitlines() if line.startswith("requests_total{")]


async def test_what_is_nowhere_leaves_no_trace_of_its_path(world: World) -> None:
    for number in range(20):
        await world.http.get(f"/nowhere/{number}")

    counted = requests((await world.http.get("/metrics")).text)
    assert counted == ['requests_total{room="ingest",route="none",status="404"} 20.0']
