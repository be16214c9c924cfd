"""The short way for fixed paths answers as the long way does."""

import httpx
import pytest

from api.app import make_app
from api.edge import Edge
from tests.api.world import World


def long_way(world: World) -> httpx.AsyncClient:
    """Through the web framework alone."""
    edge = Edge(make_app(world.room).framework, world.room.telemetry, lambda: "an-id")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=edge), base_url="http://api.test")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/feeds/home",
        "/v1/feeds/home?limit=1",
        "/v1/feeds/home?limit=0",
        "/v1/feeds/home?cursor=no",
        "/v1/stats/live",
    ],
)
@pytest.mark.parametrize("is_known", [True, False])
async def test_both_ways_give_the_same_answer(world: World, path: str, is_known: bool) -> None:
    ana = await world.person("ana")
    for _ in range(3):
        await world.photo(ana, ana)
    named = {"x-request-id": "one-and-the-same", "authorization": f"Bearer token-of-person-{ana if is_known else 0}"}

    async with long_way(world) as client:
        expected = await client.get(path, headers=named)
    answer = await world.client.get(path, headers=named)

    assert (answer.status_code, dict(answer.headers), answer.text) == (
        expected.status_code,
        dict(expected.headers),
        expected.text,
    )


async def test_head_and_post_are_answered_as_ever(world: World) -> None:
    ana = await world.person("ana")
    signed = {"authorization": f"Bearer token-of-person-{ana}"}

    assert (await world.client.head("/v1/feeds/home", headers=signed)).status_code == 200
    assert (await world.client.post("/v1/feeds/home", headers=signed)).status_code == 405
