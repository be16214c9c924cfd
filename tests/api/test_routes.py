"""Every route: its policy, and what all of them share."""

from base64 import urlsafe_b64encode

import pytest
from fastapi.routing import APIRoute

from api.app import ROUTES, make_app
from api.operations import OPERATIONS
from api.routes import Route
from tests.api import talking
from tests.api.world import NOON, World

ADDRESSES = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
PAGED = pytest.mark.parametrize("route", [r for r in ROUTES if "cursor" in r.parameters], ids=lambda route: route.path)
DOCS = {"/openapi.json", "/docs"}


async def address(world: World, route: Route) -> str:
    """The route with ids that exist, so that only what the test is about can be wrong."""
    ana = await world.person("ana")
    roll = await world.roll(ana)
    talk = await talking.opened(world, ana, await world.person("ben"))
    ids = {"user": ana, "roll": roll, "photo": await world.photo(ana), "trace": "m-1", "conversation": talk}
    return route.endpoint(ids[route.target]) if route.target else route.path


async def test_every_mounted_route_is_declared_with_its_policy(world: World) -> None:
    app = make_app(world.room, docs=True)
    mounted = {getattr(route, "path", repr(route)) for route in app.routes}

    assert mounted == {route.path for route in ROUTES} | {operation.path for operation in OPERATIONS} | DOCS
    assert all(route.methods == {"GET"} for route in app.routes if isinstance(route, APIRoute))
    others = {route.path: route.policy for route in ROUTES if route.policy != "signed_in"}
    assert others == {"/v1/trace/{trace}": "operator", "/v1/moderation/reports": "moderator"}
    assert all(operation.why_open for operation in OPERATIONS)
    assert all(route.path.startswith("/v1/") for route in ROUTES)


@ADDRESSES
@pytest.mark.parametrize("authorization", ["", "Bearer token-of-nobody-in-this-world", "Basic dXNlcjpwYXNzd29yZA=="])
async def test_nobody_reads_without_a_session(world: World, route: Route, authorization: str) -> None:
    path = await address(world, route)

    answer = await world.get(path, None, authorization=authorization)

    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"
    assert answer.headers["www-authenticate"] == "Bearer"


@ADDRESSES
async def test_unknown_parameters_are_refused(world: World, route: Route) -> None:
    path, ana = await address(world, route), await world.person("ana")

    answer = await world.get(f"{path}?offset=1000000000", ana)

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_param")


@pytest.mark.parametrize("path", ["/v1/users/%201", "/v1/rolls/%D9%A1", "/v1/photos/10000000000000000000000",
    "/v1/users/1%0d%0a*1%0d%0a$8%0d%0aFLUSHALL", "/v1/rolls/{a}:b", "/v1/rolls/me", "/v1/photos/me"])  # fmt: skip
async def test_what_is_no_id_is_refused_before_any_view_is_asked(world: World, path: str) -> None:
    ana = await world.person("ana")
    before = await world.redis.dbsize()

    answer = await world.get(path, ana)

    assert (answer.status_code, answer.json()["code"]) == (422, "bad_id")
    assert await world.redis.dbsize() == before


@PAGED
async def test_a_cursor_of_another_person_endpoint_or_making_is_refused(world: World, route: Route) -> None:
    path, ana, bob = await address(world, route), await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    for _ in range(3):
        await world.photo(ana, bob)
    good = (await world.get("/v1/feeds/home?limit=1", bob)).json()["next_cursor"]
    others = [good] if route.path != "/v1/feeds/home" else []

    forged = urlsafe_b64encode(b"0" * 16 + b"<42").decode().rstrip("=")
    for cursor in ("garbage", forged, good[:-3], good[:5] + ("A" if good[5] != "A" else "B") + good[6:], "", *others):
        answer = await world.get(f"{path}?cursor={cursor}", bob if "feeds" in path else ana)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
    answer = await world.get(f"/v1/feeds/home?cursor={good}", ana)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


async def test_a_page_links_to_its_neighbours(world: World) -> None:
    ana = await world.person("ana")
    photos = [await world.photo(ana) for _ in range(3)]

    first = await world.get("/v1/users/me/photos?limit=2", ana)
    second = await world.get(first.links["next"]["url"], ana)

    assert first.links["next"]["url"] == f"/v1/users/{ana}/photos?limit=2&cursor={first.json()['next_cursor']}"
    assert [item["id"] for item in second.json()["items"]] == photos[:1]
    assert "next" not in second.links
    assert second.links["prev"]["url"] == f"/v1/users/{ana}/photos?limit=2&cursor={second.json()['prev_cursor']}"
    again = await world.get(second.links["prev"]["url"], ana)
    assert again.json()["items"] == first.json()["items"]
    assert "link" not in (await world.get("/v1/mutes", ana)).headers


async def test_answers_are_private_and_named(world: World) -> None:
    ana = await world.person("ana")

    answer = await world.get("/v1/users/me", ana)

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(answer.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/favicon.ico", 404, "not_found"),
        ("GET", "/v1/feeds/home/", 404, "not_found"),
        ("GET", "/v1/secret?token=abc", 404, "not_found"),
        ("POST", "/v1/feeds/home", 405, "method_not_allowed"),
        ("DELETE", "/v1/photos/1", 405, "method_not_allowed"),
    ],
)
async def test_errors_of_the_router_are_problems_too(
    world: World, method: str, path: str, status: int, code: str
) -> None:
    answer = await world.client.request(method, path, headers={"x-request-id": "trace-0001"})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "trace-0001"
    assert "abc" not in answer.text


async def test_our_own_fault_says_nothing_of_itself(world: World) -> None:
    ana = await world.person("ana")
    photo = await world.photo(ana)
    card = next(key for key in await world.redis.keys("*:p:*"))
    await world.redis.hset(card, "reveal_at", "not a time")

    world.client._transport.raise_app_exceptions = False  # type: ignore[attr-defined]  # a server logs and answers
    answer = await world.get(f"/v1/photos/{photo}", ana)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "not a time" not in answer.text


async def test_a_strange_request_id_is_replaced(world: World) -> None:
    answer = await world.get("/", None, x_request_id="a b\tc")

    assert len(answer.headers["x-request-id"]) == 32


async def test_reads_say_that_views_are_being_rebuilt(world: World) -> None:
    ana = await world.person("ana")
    await world.redis.delete("epoch")

    answer, missing = await world.get("/v1/users/me", ana), await world.get("/v1/photos/4242", ana)
    stranger = await world.get("/v1/users/me", None, authorization="Bearer token-of-nobody-in-this-world")

    assert (answer.status_code, answer.json()["stale"], answer.headers["x-stale"]) == (200, True, "1")
    assert (missing.status_code, missing.headers["x-stale"]) == (404, "1")
    assert (stranger.status_code, stranger.json()["code"]) == (503, "rebuilding")
    assert (await world.get("/v1/stats/live", ana)).json()["now"] == NOON.isoformat().replace("+00:00", "Z")
