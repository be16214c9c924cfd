"""Who lets whom in, and out again: through the running stack and its public address only."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from local.people import Phone, Unexpected
from local.photographs import photographs
from local.stack import Stack
from tests import oracle
from tests.journey.conftest import Register
from tests.waiting import eventually

pytestmark = pytest.mark.stack


def feed(reader: Phone) -> list[str]:
    return ids(reader.get("/v1/feeds/home"))


def ids(page: Any) -> list[str]:
    return [item["id"] for item in page["items"]]


def status(ask: Callable[[], Any]) -> int:
    """200, or that of the problem."""
    try:
        ask()
    except Unexpected as problem:
        return int(str(problem).split(" answered ")[1][:3])
    return 200


def gone(reader: Phone, *paths: str) -> bool:
    """Whether all of them are 404."""
    return all(status(partial(reader.get, path)) == 404 for path in paths)


def a_revealed_photo(author: Phone, roll: str) -> str:
    photo = str(author.take(photographs()[0], roll=roll)["photo"]["id"])
    assert eventually(lambda: author.get(f"/v1/photos/{photo}")["state"] == "revealed")
    return photo


def a_roll(owner: Phone, **members: str) -> str:
    return str(owner.post("/v1/rolls", name="Lake", **{"develop": "1s", **members})["roll"]["id"])


async def test_a_private_account_lets_in_whom_it_accepts(stack: Stack, register: Register) -> None:
    ana, ben = register("ana"), register("ben")
    ana.call("PUT", "/v1/me/preferences", json={"visibility": "private"})
    photo = a_revealed_photo(ana, a_roll(ana, visibility="public"))

    asked = ben.post(f"/v1/users/{ana.user}/follow")

    assert (asked["you_follow"], asked["you_requested"]) == (False, True)
    assert feed(ben) == []
    assert gone(ben, f"/v1/photos/{photo}", f"/v1/users/{ana.user}/photos")
    assert eventually(lambda: ids(ana.get("/v1/follow-requests")) == [ben.user])
    ana.post(f"/v1/follow-requests/{ben.user}/accept")
    assert eventually(lambda: feed(ben) == [photo]), "what was there before comes into the feed as well"
    assert ids(ana.get("/v1/follow-requests")) == []

    ben.call("DELETE", f"/v1/users/{ana.user}/follow")
    assert eventually(lambda: feed(ben) == [])
    assert ben.post(f"/v1/users/{ana.user}/follow")["you_requested"], "an unfollow is for good"
    ana.post(f"/v1/follow-requests/{ben.user}/decline")
    assert eventually(lambda: not ben.get(f"/v1/users/{ana.user}")["you_requested"])
    assert feed(ben) == []


async def test_a_block_hides_everything_both_ways_and_ends_what_was(stack: Stack, register: Register) -> None:
    ana, ben = register("ana"), register("ben")
    ana.post(f"/v1/users/{ben.user}/follow")
    ben.post(f"/v1/users/{ana.user}/follow")
    roll = a_roll(ana)
    ben.post(f"/v1/invites/{ana.post(f'/v1/rolls/{roll}/invites')['token']}")
    public = a_roll(ana, visibility="public")
    photos = [a_revealed_photo(ana, roll), a_revealed_photo(ana, public)]
    assert eventually(lambda: set(feed(ben)) == set(photos))

    ana.post(f"/v1/users/{ben.user}/block")

    paths = [f"/v1/users/{ana.user}", f"/v1/rolls/{roll}", f"/v1/rolls/{public}", f"/v1/rolls/{public}/photos"]
    paths += [f"/v1/photos/{photo}" for photo in photos]
    assert eventually(lambda: gone(ben, *paths) and gone(ana, f"/v1/users/{ben.user}"))
    assert feed(ben) == []
    assert status(lambda: ben.post(f"/v1/users/{ana.user}/follow")) == 404
    assert ids(ana.get("/v1/blocks")) == [ben.user]
    assert ids(ana.get(f"/v1/rolls/{roll}/members")) == [ana.user]

    ana.call("DELETE", f"/v1/users/{ben.user}/block")
    assert eventually(lambda: not gone(ben, f"/v1/users/{ana.user}") and not gone(ana, f"/v1/users/{ben.user}"))
    assert not ben.get(f"/v1/users/{ana.user}")["you_follow"], "the end of a block brings nothing back"
    assert not ana.get(f"/v1/users/{ben.user}")["you_follow"]
    assert feed(ben) == []
    assert gone(ben, f"/v1/rolls/{roll}")


async def test_a_roll_s_people_come_and_go(stack: Stack, register: Register) -> None:
    ana, ben, cleo = register("ana"), register("ben"), register("cleo")
    roll = a_roll(ana)
    old, spare = [ana.post(f"/v1/rolls/{roll}/invites")["token"] for _ in range(2)]
    for friend in (ben, cleo):
        friend.post(f"/v1/invites/{old}")
    photo = a_revealed_photo(ben, roll)
    assert eventually(lambda: ids(cleo.get(f"/v1/rolls/{roll}/photos")) == [photo])

    ana.call("DELETE", f"/v1/rolls/{roll}/members/{ben.user}")
    cleo.call("DELETE", f"/v1/rolls/{roll}/members/me")

    assert eventually(lambda: all(gone(friend, f"/v1/rolls/{roll}") for friend in (ben, cleo)))
    assert gone(cleo, f"/v1/photos/{photo}")
    assert ben.get(f"/v1/photos/{photo}")["state"] == "revealed", "one's own photo stays one's own"
    assert ids(ana.get(f"/v1/rolls/{roll}/photos")) == [photo], "and stays in the roll"
    assert status(lambda: ben.post(f"/v1/invites/{spare}")) == 404, "who was removed needs a new invite"
    assert status(lambda: cleo.post(f"/v1/invites/{spare}")) == 200, "who left does not"
    ana.call("DELETE", f"/v1/rolls/{roll}/invites/{spare}")
    assert eventually(lambda: status(lambda: cleo.post(f"/v1/invites/{spare}")) == 404)
    new = ana.post(f"/v1/rolls/{roll}/invites")["token"]
    assert eventually(lambda: status(lambda: ben.post(f"/v1/invites/{new}")) == 200)

    ana.call("PATCH", f"/v1/rolls/{roll}", json={"name": "Sea"})
    ana.post(f"/v1/rolls/{roll}/close")
    assert eventually(lambda: ana.get(f"/v1/rolls/{roll}")["closed_at"])
    found = ana.get(f"/v1/rolls/{roll}")
    assert (found["name"], found["members"]) == ("Sea", 3)
    upload = ben.upload(photographs()[0])
    assert eventually(lambda: status(lambda: ben.post("/v1/photos", upload_id=upload, roll=roll)) == 409)

    oracle.wait_until_quiet(stack.settings)
    await oracle.check_views(stack.settings)
