"""Who erased themselves is gone: for good, for everybody, and only who saw them learns that they were here."""

from typing import Any

import pytest

from processors.intents import Save
from processors.rules import views
from schemas import projections
from schemas.ids import UserId
from tests import builders as a
from tests.api import talking
from tests.api.test_moderation import moderated, report
from tests.api.world import World


async def erase(world: World, user: UserId) -> None:
    """As the rule of `views` says it."""
    for save in views.changes(a.user_erased(user)):
        assert isinstance(save, Save)
        fields: dict[Any, Any] = {**save.fields}
        await world.redis.hset(save.key, mapping=fields)


async def test_all_that_they_made_is_gone_at_once_for_everybody_and_for_themselves(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    for reader in (ana, cleo):
        await world.follow(reader, ben)
        await world.follow(ben, reader)
    roll = await world.roll(ana, ben, cleo, visibility="public")
    photo, hers = await world.photo(ben, ana, ben, cleo, roll=roll), await world.photo(ana)
    await world.comment(ben, hers)
    await world.like(ben, hers)
    await world.request(ben, ana)
    lists = [
        "/v1/feeds/home", f"/v1/rolls/{roll}/photos", f"/v1/photos/{hers}/comments", f"/v1/photos/{hers}/likes",
    ]  # fmt: skip
    whole = [await world.items(path, ana) for path in lists]

    await erase(world, ben)

    assert all(whole), "or the test shows nothing"
    for reader in (ana, ben, cleo):
        assert (await world.get(f"/v1/photos/{photo}", reader)).status_code == 404
        assert [await world.items(path, reader) for path in lists] == [[]] * len(lists)
        for path in (f"/v1/users/{cleo}/following", f"/v1/users/{cleo}/followers", f"/v1/rolls/{roll}/members"):
            assert ben not in await world.items(path, reader)
    assert await world.items("/v1/follow-requests", ana) == []


@pytest.mark.parametrize("where", ["", "/photos", "/followers", "/following"])
async def test_only_who_saw_an_account_learns_that_it_is_gone(world: World, where: str) -> None:
    everyone = [await world.person(name) for name in ("ana", "ben", "cleo", "dan", "eve", "fay")]
    ana, ben, cleo, dan, eve, fay = everyone
    await world.private(ben)
    for reader, author in ((cleo, ben), (dan, ben), (dan, ana)):
        await world.follow(reader, author)
    await world.block(ben, dan)
    await world.block(eve, ana)
    for user in (ana, ben, fay):
        await erase(world, user)
    await world.redis.hset(projections.profile(fay), "suspended", "spam")

    told = {
        (reader, user): await world.get(f"/v1/users/{user}{where}", reader)
        for reader in everyone
        for user in (ana, ben, fay)
    }

    gone = {pair for pair, answer in told.items() if answer.status_code == 410}
    assert gone == {(reader, ana) for reader in (ana, ben, cleo, dan, fay)} | {(cleo, ben), (ben, ben)}
    assert {told[pair].json()["code"] for pair in gone} == {"gone"}
    assert {answer.status_code for answer in told.values()} == {404, 410}
    strangers = [await world.get(f"/v1/users/{user}", ana) for user in (ben, "4242")]
    assert len({str({**answer.json(), "instance": "", "request_id": ""}) for answer in strangers}) == 1


async def test_no_name_of_theirs_is_left_where_they_still_stand(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    roll = await world.roll(ben, ana)
    await world.block(ana, ben)

    await erase(world, ben)

    nobody = {"id": ben, "username": None, "display_name": None}
    assert (await world.get("/v1/blocks", ana)).json()["items"] == [nobody]
    await world.unblock(ana, ben)
    assert (await world.get(f"/v1/rolls/{roll}", ana)).json()["owner"] == nobody


async def test_a_talk_with_them_is_over_and_in_a_group_they_said_nothing(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    two, three = await talking.opened(world, ana, ben), await talking.opened(world, ana, ben, cleo)
    for offset, conversation in enumerate((two, three), start=1):
        await talking.said(world, ben, conversation, offset)
    cleos = await talking.said(world, cleo, three, 3)

    await erase(world, ben)

    assert await talking.unread(world, ana) == {three: 1}
    assert await world.items(f"/v1/conversations/{three}/messages", ana) == [cleos]
    assert (await world.get(f"/v1/conversations/{two}/messages", ana)).status_code == 404


async def test_moderators_do_not_see_them_either(world: World) -> None:
    served, mia = await moderated(world)
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = await world.photo(ben, ana)
    await report(world, ana, photo)
    assert (await served.get(f"/v1/photos/{photo}", mia)).status_code == 200

    await erase(world, ben)
    found = [(await served.get(f"/v1/photos/{photo}", mia)).status_code]
    await world.redis.hset(projections.profile(ben), "suspended", "spam")
    found.append((await served.get(f"/v1/photos/{photo}", mia)).status_code)

    assert found == [404, 404]
