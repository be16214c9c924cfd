from tests.api.world import World


async def test_a_live_room_says_so_even_without_views(world: World) -> None:
    assert (await world.get("/live", None)).status_code == 200
    assert (await world.get("/ready", None)).json() == {"ready": True}


async def test_metrics_count_by_route_and_name_nobody(world: World) -> None:
    ana = await world.person("ana")
    await world.get(f"/v1/users/{ana}", ana)
    await world.get("/v1/users/4242", ana)
    await world.get("/wp-login.php", None)

    page = (await world.get("/metrics", None)).text

    assert 'requests_total{room="api",route="/v1/users/{user}",status="200"} 1.0' in page
    assert 'requests_total{room="api",route="/v1/users/{user}",status="404"} 1.0' in page
    assert 'requests_total{room="api",route="unknown",status="404"} 1.0' in page
    assert ana not in page
    assert "wp-login" not in page
