"""Redis is disposable: emptied under a running system, every answer comes back the same."""

from typing import Any

import pytest
import redis

from local.people import Phone, Unexpected
from local.photographs import photographs
from local.stack import Stack
from schemas import projections
from tests import oracle
from tests.journey.conftest import Register
from tests.waiting import eventually

pytestmark = pytest.mark.stack


async def test_an_emptied_redis_is_rebuilt_and_every_answer_is_the_same(stack: Stack, register: Register) -> None:
    ana, ben = register("ana"), register("ben")
    ben.post(f"/v1/users/{ana.user}/follow")
    roll = ana.post("/v1/rolls", name="Lake", develop="1s", visibility="public")["roll"]["id"]
    for picture in photographs():
        ana.take(picture, roll=roll)
    eventually(lambda: len(ben.get("/v1/feeds/home")["items"]) == 3)
    photo = str(ben.get("/v1/feeds/home")["items"][0]["id"])
    ben.call("PUT", f"/v1/photos/{photo}/like")
    said = [ben.post(f"/v1/photos/{photo}/comments", text=text)["comment"]["id"] for text in ("Fog!", "Sun!")]
    eventually(lambda: len(ben.get(f"/v1/photos/{photo}/comments")["items"]) == 2)
    ben.call("DELETE", f"/v1/photos/{photo}/comments/{said[0]}")
    eventually(lambda: ben.get(f"/v1/photos/{photo}")["comments"] == 1)
    paths = (f"/v1/photos/{photo}", f"/v1/photos/{photo}/likes", f"/v1/photos/{photo}/comments")
    before = answers(ana, ben, roll, *paths)

    with redis.Redis.from_url(stack.settings.redis_url) as server:
        server.flushall()
        eventually(lambda: server.exists(projections.EPOCH))

    assert eventually(lambda: same(before, ana, ben, roll, *paths))
    oracle.wait_until_quiet(stack.settings)
    await oracle.check_views(stack.settings)


def test_a_command_is_refused_while_the_views_are_rebuilt(stack: Stack, register: Register) -> None:
    ana = register("ana")

    with redis.Redis.from_url(stack.settings.redis_url) as server:
        server.delete(projections.EPOCH)
        with pytest.raises(Unexpected, match=r"503.*rebuilding"):
            ana.post("/v1/rolls", name="Too early")
        assert ana.get("/v1/feeds/home")["stale"] is True
        server.flushall()
        eventually(lambda: server.exists(projections.EPOCH))

    assert ana.post("/v1/rolls", name="In time")["roll"]["id"]


def same(before: dict[str, Any], ana: Phone, ben: Phone, roll: str, *paths: str) -> bool:
    try:
        return answers(ana, ben, roll, *paths) == before
    except Unexpected:  # their sessions are among what is being rebuilt
        return False


def answers(ana: Phone, ben: Phone, roll: str, *more: str) -> dict[str, Any]:
    """What both see, without the signatures of links, which change with the time."""
    paths = [*more, "/v1/feeds/home", "/v1/users/me", f"/v1/users/{ana.user}", f"/v1/users/{ana.user}/photos"]
    paths += [f"/v1/rolls/{roll}", f"/v1/rolls/{roll}/photos", f"/v1/rolls/{roll}/members"]
    return {f"{phone.username} {path}": unsigned(phone.get(path)) for phone in (ana, ben) for path in paths}


def unsigned(answer: Any) -> Any:
    match answer:
        case dict():
            return {name: unsigned(value) for name, value in answer.items()}
        case list():
            return [unsigned(value) for value in answer]
        case str() if answer.startswith("http"):
            return answer.partition("?")[0]
        case _:
            return answer
