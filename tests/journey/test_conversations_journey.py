"""Two people write to each other: through the running stack and its public address only."""

from typing import Any

import pytest

from local.people import Phone
from local.stack import Stack
from tests.journey.conftest import Register
from tests.journey.test_people_journey import ids, status
from tests.waiting import eventually

pytestmark = pytest.mark.stack

WHERE = "/v1/conversations"


def unread(reader: Phone) -> list[int]:
    return [item["unread"] for item in reader.get(WHERE)["items"]]


async def test_two_people_write_to_each_other_until_one_blocks_the_other(stack: Stack, register: Register) -> None:
    ana, ben = register("ana"), register("ben")
    talk = ana.post(WHERE, recipients=[ben.user])["conversation"]["id"]
    assert ben.post(WHERE, recipients=[ana.user])["conversation"]["id"] == talk
    messages = f"{WHERE}/{talk}/messages"

    said = [by.post(messages, text=text)["message"]["id"] for by, text in ((ana, "Tonight?"), (ana, "At eight?"))]
    assert eventually(lambda: ids(ben.get(messages)) == said[::-1])
    assert eventually(lambda: (unread(ben), unread(ana)) == ([2], [0]))

    said.append(ben.post(messages, text="Yes!")["message"]["id"])
    read(ben, talk, said[1])
    read(ben, talk, said[0])  # another device, which is behind
    assert eventually(lambda: (unread(ben), unread(ana)) == ([0], [1]))
    assert eventually(
        lambda: [item["text"] for item in ana.get(messages)["items"]] == ["Yes!", "At eight?", "Tonight?"]
    )

    ana.post(f"/v1/users/{ben.user}/block")
    assert eventually(lambda: status(lambda: ben.get(messages)) == 404)
    assert eventually(lambda: status(lambda: ben.post(messages, text="Still there?")) == 403)
    assert ids(ana.get(WHERE)) == []


def read(reader: Phone, talk: str, message: str) -> Any:
    return reader.call("POST", f"{WHERE}/{talk}/read", json={"message": message})
