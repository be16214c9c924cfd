from tests.api.world import TOMORROW, World


async def test_before_the_reveal_only_the_author_gets_a_sealed_card(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    photo = await world.photo(ana, reveal_at=TOMORROW, caption="a secret")

    own, other = await world.get(f"/v1/photos/{photo}", ana), await world.get(f"/v1/photos/{photo}", bob)

    sealed = {"state": "sealed", "id": photo, "roll": None, "reveal_at": "2026-11-22T09:00:00Z", "sealed": True}
    assert own.json() == sealed
    assert other.status_code == 404


async def test_at_the_reveal_everyone_gets_the_photo(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    photo = await world.photo(ana, reveal_at=TOMORROW, caption="a secret")

    world.now[0] = TOMORROW

    assert (await world.get(f"/v1/photos/{photo}", bob)).json()["caption"] == "a secret"


async def test_the_author_learns_why_a_photo_spoiled(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    photo = await world.photo(ana)
    await world.spoil(photo, "not_an_image")

    own, other = await world.get(f"/v1/photos/{photo}", ana), await world.get(f"/v1/photos/{photo}", bob)

    assert own.json()["spoiled"] == "not_an_image"
    assert "media" not in own.json()
    assert other.status_code == 404


async def test_a_deleted_photo_is_gone_for_its_author_too(world: World) -> None:
    ana = await world.person("ana")
    photo = await world.photo(ana)

    await world.delete(photo)

    assert (await world.get(f"/v1/photos/{photo}", ana)).status_code == 404


async def test_a_hidden_photo_and_a_missing_one_are_answered_alike(world: World) -> None:
    ana, bob, eve = [await world.person(name) for name in ("ana", "bob", "eve")]
    roll = await world.roll(ana, bob)
    photo = await world.photo(ana, roll=roll, visibility="private")

    hidden, missing = await world.get(f"/v1/photos/{photo}", eve), await world.get("/v1/photos/4242", eve)

    assert (await world.get(f"/v1/photos/{photo}", bob)).status_code == 200
    assert _said(hidden.json()) == _said(missing.json())
    assert hidden.status_code == missing.status_code == 404


def _said(problem: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in problem.items() if name not in ("instance", "request_id")}


async def test_whoever_holds_the_answer_gets_304(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    photo = await world.photo(ana)
    etag = (await world.get(f"/v1/photos/{photo}", bob)).headers["etag"]

    for held in (etag, f"W/{etag}", "*", f'"{"x" * 15_000}", {etag}'):
        again = await world.get(f"/v1/photos/{photo}", bob, if_none_match=held)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (await world.get(f"/v1/photos/{photo}", bob, if_none_match='"other"')).status_code == 200


async def test_a_star_opens_no_hidden_photo(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    photo = await world.photo(ana, visibility="private")

    assert (await world.get(f"/v1/photos/{photo}", bob, if_none_match="*")).status_code == 404
