"""Somebody deletes their account: through the running stack and its public address, and then in every store."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from secrets import token_hex
from typing import Any

import httpx
import pytest

from local.people import Phone
from local.stack import Stack
from processors.stores.objects import client
from schemas import objects
from schemas.ids import PhotoId, UserId
from tests import oracle
from tests.builders import a_track
from tests.journey.conftest import Register
from tests.journey.test_people_journey import a_revealed_photo, a_roll, feed, gone, ids, status
from tests.waiting import eventually

pytestmark = pytest.mark.stack


def sent(stack: Stack, path: str, said: Any) -> httpx.Response:
    """By nobody in particular; only batches ask for the write key."""
    headers = {"x-write-key": "local-write-key"}
    return httpx.post(f"{stack.settings.public_url}{path}", json=said, headers=headers, timeout=30)


def a_registration(stack: Stack, name: str) -> tuple[dict[str, str], httpx.Response]:
    account = {"username": f"{name}_{token_hex(3)}", "password": f"pass-{token_hex(8)}"}
    made = sent(stack, "/v1/accounts", {**account, "tz": "UTC"})
    assert made.status_code == 201, made.text
    return account, made


def signed_in(stack: Stack, hung_up: ExitStack, username: str, made: Any) -> Phone:
    url = stack.settings.public_url
    phone = hung_up.enter_context(closing(Phone(url, username, httpx.Client(base_url=url, timeout=30))))
    phone.token, phone.user = made["access_token"], made["user"]["id"]
    assert eventually(lambda: status(lambda: phone.get("/v1/users/me")) == 200)
    return phone


def is_nobody(phone: Phone) -> bool:
    return status(partial(phone.get, "/v1/users/me")) == 401


def left(stack: Stack, *prefixes: str) -> int:
    """How many objects lie there."""
    asked = [
        client(stack.settings).list_objects_v2(Bucket=stack.settings.s3_bucket, Prefix=prefix) for prefix in prefixes
    ]
    return sum(int(found["KeyCount"]) for found in asked)


@pytest.fixture
def hung_up() -> Iterator[ExitStack]:
    """Closes phones, however the test ends."""
    with ExitStack() as phones:
        yield phones


async def test_a_deleted_account_is_gone_for_good_everywhere(
    stack: Stack, register: Register, hung_up: ExitStack
) -> None:
    ana, cleo = register("ana"), register("cleo")
    account, made = a_registration(stack, "ben")
    ben = signed_in(stack, hung_up, account["username"], made.json())
    ana.post(f"/v1/users/{ben.user}/follow")
    roll = a_roll(ana, visibility="public")
    photo = a_revealed_photo(ben, a_roll(ben, visibility="public"))
    hers = a_revealed_photo(ana, roll)
    ben.post(f"/v1/photos/{hers}/comments", text="Where is this?")
    assert eventually(lambda: photo in feed(ana) and len(ids(ana.get(f"/v1/photos/{hers}/comments"))) == 1)
    kept = (objects.renditions(PhotoId(photo)), objects.originals(UserId(ben.user)))
    assert left(stack, *kept) == 4, "three sizes and what was uploaded"
    other = signed_in(stack, hung_up, account["username"], sent(stack, "/v1/sessions", account).json())

    wrong = {"password": "not this one"}
    assert status(lambda: ben.call("DELETE", "/v1/me", json=wrong)) == 401
    ben.call("DELETE", "/v1/me", json={"password": account["password"]})

    assert eventually(lambda: photo not in feed(ana) and feed(ana) == [hers])
    assert eventually(lambda: status(lambda: ana.get(f"/v1/users/{ben.user}")) == 410)
    assert gone(ana, f"/v1/photos/{photo}")
    assert ids(ana.get(f"/v1/photos/{hers}/comments")) == []
    for phone in (ben, other):
        assert eventually(partial(is_nobody, phone))
        assert status(partial(phone.call, "DELETE", "/v1/me", json={"password": account["password"]})) == 401
    assert status(lambda: cleo.post("/v1/sessions", **account)) == 401
    assert status(lambda: cleo.post("/v1/accounts", **account, tz="UTC")) == 409
    assert eventually(lambda: left(stack, *kept) == 0)

    late = {"batch": [a_track("Late", userId=ben.user, messageId=f"m-{token_hex(8)}")]}
    answer = sent(stack, "/v1/batch", late)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert eventually(lambda: counted(cleo, "events:erased") > 0)
    assert status(lambda: ana.get(f"/v1/users/{ben.user}")) == 410, "and nothing is there again"
    oracle.wait_until_quiet(stack.settings)
    await oracle.check_views(stack.settings)


def counted(reader: Phone, name: str) -> int:
    return sum(minute["counts"].get(name, 0) for minute in reader.get("/v1/stats/live")["minutes"])
