"""Section A of the bad inputs as bytes on ingest's own socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from local.stack import Stack
from schemas.topics import EVENTS, FACTS
from tests import log
from tests.bad_requests import ENDS, GOOD, LAST, SCRIPTS, SLOW, Row, Somebody, every_row, rows, script, verdict
from tests.ingest import bad_inputs
from tests.ingest.edges import QUICK, REAL
from tests.ingest.served import serving
from tests.ingest.world import World
from tests.wire import Served


@pytest.fixture
async def ana(world: World) -> Somebody:
    return Somebody((await world.person("ana")).token)


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serving(world.room.asgi, REAL) as served:
        yield served


async def test_every_bad_request_is_answered_as_the_table_has_it(
    served: Served, world: World, ana: Somebody, parts: Stack
) -> None:
    before, sent = written(parts), rows("ingest")

    async with serving(world.room.asgi, QUICK) as quick:
        at_once = [row for row in sent if row.id not in LAST]
        found = await asyncio.gather(*(fault(quick if row.id in SLOW else served, row, ana, served) for row in at_once))
        found += [await fault(served, row, ana, served) for row in sent if row.id in LAST]

    assert [what for what in found if what] == []
    assert written(parts) - before == len(sent), "the good requests between, and nothing else"


async def fault(to: Served, row: Row, by: Somebody, patient: Served) -> str:
    """What is wrong with the row's answer, or with that of the next good request."""
    wrong = verdict(row, await to.hear(script(row, by), ends=row.id in ENDS))
    good = await patient.hear([GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)])
    return wrong or ("" if good.status == 200 else f"{row.id}: the next good request was answered {good.status}")


def written(parts: Stack) -> int:
    return sum(sum(log.ends(parts.settings, topic).values()) for topic in (EVENTS, FACTS))


async def test_what_smells_of_an_attack_is_a_line_for_security(
    served: Served, ana: Somebody, capfd: pytest.CaptureFixture[str]
) -> None:
    for row in rows("ingest"):
        if row.is_told_to_security:
            await served.hear(script(row, ana))
            assert "seclog" in "".join(capfd.readouterr()), row.id


def test_every_row_has_its_bytes_or_a_reason_to_wait() -> None:
    for row in every_row():
        assert row.later or row.id in SCRIPTS or row.id in bad_inputs.CASES, row.id
        assert not (row.later and row.id in SCRIPTS), f"{row.id} has its bytes: send them"
