"""Section A of the bad inputs through the public address: the whole way, with the deadlines that clients meet."""

import asyncio

import pytest

from local.photographs import photographs
from local.stack import Stack
from tests.bad_requests import ENDS, Row, Somebody, read, rows, script, verdict
from tests.journey.conftest import Register
from tests.wire import Served

PATIENCE_S = 60.0

pytestmark = pytest.mark.stack


async def test_every_bad_request_is_answered_as_the_table_has_it(stack: Stack, register: Register) -> None:
    ana = await asyncio.to_thread(signed_in, register)
    public = Served(stack.addresses()["public"][1])

    found = await asyncio.gather(*(fault(public, row, ana) for row in rows("public")))

    assert [what for what in found if what] == []


def signed_in(register: Register) -> Somebody:
    """Somebody who can see a photo of their own."""
    ana = register("ana")
    photo = ana.take(photographs()[0])["photo"]["id"]
    ana.get(f"/v1/photos/{photo}")
    return Somebody(ana.token, photo)


async def fault(public: Served, row: Row, by: Somebody) -> str:
    """What is wrong with the row's answer, or with that of the next good request."""
    wrong = verdict(row, await public.hear(script(row, by), ends=row.id in ENDS, patience_s=PATIENCE_S))
    good = await public.hear(read(b"/v1/feeds/home", by=by), patience_s=PATIENCE_S)
    return wrong or ("" if good.status == 200 else f"{row.id}: the next good request was answered {good.status}")
