"""What people say of a photo: through the running stack and its public address only."""

from typing import Any

import pytest

from local.stack import Stack
from tests import oracle
from tests.journey.conftest import Register
from tests.journey.test_people_journey import a_revealed_photo, a_roll, gone, ids, status
from tests.waiting import eventually

pytestmark = pytest.mark.stack


def states(page: Any) -> list[str]:
    return [item["state"] for item in page["items"]]


async def test_a_photo_is_liked_and_talked_about_by_who_sees_it(stack: Stack, register: Register) -> None:
    ana, ben, cleo = register("ana"), register("ben"), register("cleo")
    photo = a_revealed_photo(ana, a_roll(ana, visibility="public"))
    where = f"/v1/photos/{photo}"
    for phone in (ben, ben, cleo):
        phone.call("PUT", f"{where}/like")
    first = ben.post(f"{where}/comments", text="Where is this?")["comment"]["id"]
    assert eventually(lambda: ids(cleo.get(f"{where}/comments")) == [first])
    reply = cleo.post(f"{where}/comments", text="Lisbon!", reply_to=first)["comment"]["id"]

    assert eventually(lambda: ids(ben.get(f"{where}/comments")) == [first, reply])
    seen = ben.get(where)
    assert (seen["likes"], seen["comments"], seen["you_like"]) == (2, 2, True)
    assert ids(ana.get(f"{where}/likes")) == sorted([ben.user, cleo.user], key=int)

    cleo.call("DELETE", f"{where}/like")
    ana.call("DELETE", f"{where}/comments/{first}")
    assert eventually(lambda: states(cleo.get(f"{where}/comments")) == ["deleted", "posted"])
    assert eventually(lambda: (cleo.get(where)["likes"], cleo.get(where)["comments"]) == (1, 1))

    ben.post(f"/v1/users/{cleo.user}/block")
    assert eventually(lambda: ids(ben.get(f"{where}/comments")) == [first])
    ana.post(f"/v1/users/{ben.user}/block")
    assert eventually(lambda: gone(ben, where, f"{where}/likes", f"{where}/comments"))
    assert status(lambda: ben.call("PUT", f"{where}/like")) == 404
    ana.call("DELETE", where)
    assert eventually(lambda: gone(cleo, where, f"{where}/likes", f"{where}/comments"))
    assert status(lambda: cleo.post(f"{where}/comments", text="Still there?")) == 404

    oracle.wait_until_quiet(stack.settings)
    await oracle.check_views(stack.settings)
