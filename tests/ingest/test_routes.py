"""What holds for every route alike."""

import httpx
import pytest
from starlette.routing import Route

from ingest.app import COMMANDS
from ingest.batch import PATHS
from ingest.command import Command
from schemas.problems import CONTENT_TYPE
from tests.ingest.world import Person, World

UNLISTED = {"/live", "/ready", "/metrics", "/docs", "/docs/oauth2-redirect", "/openapi.json"}
NO_TOKENS = (
    None, "Basic eDp5", "Bearer", "Bearer short", f"Bearer  {'a' * 43} ", f"Bearer {'a' * 43}", "Bearer ey.J.x",
)  # fmt: skip
NO_IDS = ("0", "-1", "1e3", "99999999999999999999", "%D9%A1", "%0d%0a*1", "{a}:b", "%00")
ANYONE = {"POST /v1/accounts", "POST /v1/sessions"}
BODIES = {
    "PATCH /v1/rolls/{id}": {"name": "Porto"},
    "POST /v1/photos/{id}/comments": {"text": "Fog!"},
    "POST /v1/conversations/{id}/messages": {"text": "Fog!"},
    "POST /v1/conversations/{id}/read": {"message": "9"},
    "POST /v1/photos/{id}/reports": {"reason": "spam"},
    "PUT /v1/photos/{id}/takedown": {"reason": "spam"},
    "PUT /v1/users/{id}/suspension": {"reason": "spam"},
}  # of commands with an id that take something


def name(command: Command) -> str:
    return f"{command.method} {command.path}"


def path(command: Command) -> str:
    return command.path.replace("{id}", "7").replace("{token}", "t").replace("{user}", "8").replace("{comment}", "9")


async def giver(world: World, command: Command) -> Person:
    """Somebody who may give it."""
    return await (world.moderator() if command.policy == "moderator" else world.person())


async def test_every_route_is_a_command_that_declares_who_may_give_it(world: World) -> None:
    served = {
        f"{method} {route.path}"
        for route in world.room.web.routes
        if isinstance(route, Route) and route.path not in UNLISTED
        for method in route.methods or ()
    }

    assert served == {name(command) for command in COMMANDS}
    assert {name(command) for command in COMMANDS if command.policy == "anyone"} == ANYONE


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.policy != "anyone"], ids=name)
async def test_without_a_good_token_the_answer_is_401(world: World, command: Command) -> None:
    for authorization in NO_TOKENS:
        headers = {"authorization": authorization} if authorization else {}

        answer = await world.http.request(command.method, path(command), headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), authorization
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.policy == "moderator"], ids=name)
async def test_who_is_no_moderator_learns_nothing_by_a_moderator_s_command(world: World, command: Command) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    paths = [command.path.replace("{id}", str(id)) for id in (await world.photo(ana), await world.photo(ben), 7)]

    answers = [
        await world.http.request(command.method, path, json=BODIES.get(name(command)), headers=ana.headers)
        for path in paths
    ]

    scrubbed = [{**answer.json(), "request_id": "", "instance": ""} for answer in answers]
    assert scrubbed == [scrubbed[0]] * len(paths)
    assert (answers[0].status_code, scrubbed[0]["code"]) == (403, "forbidden")


@pytest.mark.parametrize("command", COMMANDS, ids=name)
async def test_while_views_are_rebuilt_every_command_is_503(world: World, command: Command) -> None:
    await world.redis.delete("epoch")

    answer = await world.http.request(command.method, path(command), json={})

    assert (answer.status_code, answer.json()["code"]) == (503, "rebuilding")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_query_parameter_that_no_route_knows_is_refused(world: World) -> None:
    asked = [(command.method, path(command)) for command in COMMANDS] + [("POST", batch) for batch in sorted(PATHS)]

    for method, where in asked:
        answer = await world.http.request(method, f"{where}?debug=1", json={})

        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_param"), where


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.takes], ids=name)
async def test_a_member_that_is_not_the_command_s_is_refused(world: World, command: Command) -> None:
    ana = await giver(world, command)

    answer = await world.http.request(command.method, path(command), json={"is_admin": True}, headers=ana.headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field")


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.takes], ids=name)
@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded"])
async def test_a_command_is_json(world: World, command: Command, kind: str) -> None:
    ana = await giver(world, command)

    answer = await world.http.request(
        command.method, path(command), content=b"{}", headers={**ana.headers, "content-type": kind}
    )

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("command", [c for c in COMMANDS if "{id}" in c.path], ids=name)
async def test_an_id_that_is_none_of_ours_is_refused(world: World, command: Command) -> None:
    ana = await giver(world, command)

    for id in NO_IDS:
        answer = await world.http.request(
            command.method, command.path.replace("{id}", id), json=BODIES.get(name(command)), headers=ana.headers
        )

        assert (answer.status_code, answer.json()["code"]) == (422, "bad_id"), id


async def test_every_answer_names_its_request(world: World) -> None:
    ours = [await world.http.get(where) for where in ("/nowhere", "/live", "/v1/batch", "/v1/rolls")]
    theirs = await world.http.get("/nowhere", headers={"x-request-id": "phone-0001"})
    odd = await world.http.get("/nowhere", headers={"x-request-id": "a b\tc" * 9})

    assert len({answer.headers["x-request-id"] for answer in ours}) == 4
    assert theirs.headers["x-request-id"] == theirs.json()["request_id"] == "phone-0001"
    assert " " not in odd.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "where", "status", "code", "allow"),
    [
        ("GET", "/nowhere", 404, "not_found", None),
        ("GET", "/v1/rolls/", 404, "not_found", None),
        ("PUT", "/v1/rolls", 405, "method_not_allowed", "POST"),
        ("GET", "/v1/batch", 405, "method_not_allowed", "POST"),
    ],
)
async def test_what_is_not_there_is_a_problem_too(
    world: World, method: str, where: str, status: int, code: str, allow: str | None
) -> None:
    answer = await world.http.request(method, where)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert answer.headers.get("allow") == allow


async def test_the_document_describes_every_command_and_the_batch_path(world: World) -> None:
    document = (await world.http.get("/openapi.json")).json()

    described = {f"{method.upper()} {path}" for path, found in document["paths"].items() for method in found}
    assert described == {name(command) for command in COMMANDS} | {f"POST {path}" for path in PATHS}
    assert document["components"]["schemas"]["TakePhoto"]["required"] == ["upload_id"]
    assert (await world.http.get("/docs")).status_code == 200


async def test_a_fault_of_ours_is_a_500_that_says_nothing(world: World) -> None:
    ana = await world.person()
    await world.redis.set(f"{{b{int(ana.user) >> 26 & 63:02d}}}:u:{ana.user}", "not a hash")
    transport = httpx.ASGITransport(app=world.room.asgi, raise_app_exceptions=False)

    async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as http:
        answer = await http.post(f"/v1/users/{ana.user}/follow", headers=ana.headers)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "WRONGTYPE" not in answer.text


async def test_live_ready_and_metrics_answer(world: World) -> None:
    answers = [await world.http.get(where) for where in ("/live", "/ready", "/metrics")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert 'requests_total{room="ingest",route="/ready",status="200"} 1.0' in answers[2].text
