"""Any one process is killed (-9) under traffic and comes back by itself: nothing accepted is lost or doubled."""

import asyncio
import os
import signal
import time
from contextlib import closing
from secrets import token_hex

import httpx
import pytest

from bench.traffic import Ledger, post_batches
from local import health, supervision
from local.people import Phone, Unexpected
from local.programs import PARTS, ROOMS
from local.stack import Stack
from schemas import facts
from schemas.topics import FACTS
from tests import log, oracle
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]

TRAFFIC_S = 10.0
KILL_AFTER_S = 2.0


@pytest.mark.parametrize("victim", [*PARTS, *ROOMS])
async def test_a_killed_process_comes_back_and_nothing_accepted_is_lost(stack: Stack, victim: str) -> None:
    ledger, before = Ledger(), supervision.pid(stack, victim)

    with closing(Phone.register(stack.settings.public_url, "dora")) as phone:
        commands = Commands(phone)
        await under_traffic(stack, before, ledger, commands)

    await asyncio.to_thread(eventually, lambda: came_back(stack, victim, before), within_s=60)
    assert ledger.accepted, "no batch was accepted: the test showed nothing"
    await asyncio.to_thread(oracle.check, stack.settings, ledger)
    await oracle.check_views(stack.settings)
    assert_commands_took_effect_once(stack, commands)
    print(f"{victim}: {ledger.statuses}, {len(ledger.accepted)} accepted, {len(ledger.unknown)} unknown")


async def under_traffic(stack: Stack, pid: int, ledger: Ledger, commands: "Commands") -> None:
    """Batches and commands for `TRAFFIC_S`; the process is killed in the midst of them."""
    commanding = asyncio.create_task(asyncio.to_thread(commands.run, TRAFFIC_S))
    killing = asyncio.create_task(kill_later(pid))
    await post_batches(stack.settings.public_url, ledger, per_second=20, seconds=TRAFFIC_S, size=10)
    await asyncio.gather(killing, commanding)


async def kill_later(pid: int) -> None:
    await asyncio.sleep(KILL_AFTER_S)
    os.kill(pid, signal.SIGKILL)


def came_back(stack: Stack, victim: str, before: int) -> bool:
    return health.healthy(stack, victim) and supervision.pid(stack, victim) not in (0, before)


class Commands:
    """One person who opens rolls, each with a key of its own, and tries again until it is answered."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self.opened: dict[str, str] = {}  # roll's name -> its id, as answered
        self.given_up: set[str] = set()

    def run(self, seconds: float) -> None:
        """Gives commands for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._open(f"roll-{token_hex(6)}")
            time.sleep(0.1)

    def _open(self, name: str) -> None:
        for _ in range(40):
            try:
                answer = self._phone.call("POST", "/v1/rolls", json={"name": name}, headers={"idempotency-key": name})
            except (Unexpected, httpx.HTTPError):
                time.sleep(0.5)
                continue
            self.opened[name] = answer["roll"]["id"]
            return
        self.given_up.add(name)


def assert_commands_took_effect_once(stack: Stack, commands: Commands) -> None:
    """Each answered roll is in the log; a retried command made one fact, however often that stands there."""
    made: dict[str, set[str]] = {}
    for record in log.records(stack.settings, FACTS):
        fact = facts.decode(record.value)
        if isinstance(fact, facts.RollOpened):
            made.setdefault(fact.personal.name, set()).add(str(fact.id))
    assert commands.opened
    assert not commands.given_up
    assert all(len(made[name]) == 1 for name in commands.opened)
