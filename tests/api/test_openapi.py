import re
from typing import Any

import pytest

from api.app import ROUTES, make_app
from tests.api.world import World


@pytest.fixture
def document(world: World) -> dict[str, Any]:
    return make_app(world.room, docs=True).openapi()


async def test_the_document_describes_every_route(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == {route.path for route in ROUTES}
    for route in ROUTES:
        operation = document["paths"][route.path]["get"]
        assert operation["summary"].endswith(".") or operation["summary"]
        assert operation["security"] == [{"token": []}]
        named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] != "header"}
        assert named == {*route.parameters, *re.findall(r"{(\w+)}", route.path)}


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    named = set(re.findall(r"'#/components/schemas/(\w+)'", str(document)))

    assert named <= set(document["components"]["schemas"])
    assert {"PhotoPage", "RevealedPhoto", "SealedPhoto", "SpoiledPhoto", "User", "Problem"} <= named


async def test_docs_are_served_only_when_asked_for(world: World) -> None:
    open_app = world.through(world.room, docs=True)

    for path in ("/docs", "/openapi.json"):
        assert (await world.get(path, None)).status_code == 404
        assert (await open_app.get(path, None)).status_code == 200


async def test_what_is_answered_is_what_is_described(world: World, document: dict[str, Any]) -> None:
    ana = await world.person("ana")
    photo = await world.photo(ana)

    answer = (await world.get(f"/v1/photos/{photo}", ana)).json()

    schema = document["components"]["schemas"]["RevealedPhoto"]
    assert set(answer) == set(schema["properties"]) == set(schema["required"])
