"""Any one process is killed (-9) under traffic and comes back by itself: nothing accepted is lost or doubled."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from secrets import token_hex

import httpx
import pytest

from bench.traffic import Ledger, post_batches
from local import health, supervision
from local.people import Phone, Unexpected
from local.photographs import photographs
from local.programs import PARTS, ROOMS
from local.stack import Stack
from schemas import facts
from schemas.topics import FACTS
from tests import log, oracle
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]

TRAFFIC_S = 6.0
KILL_AFTER_S = 1.5


@pytest.mark.parametrize("victim", [*PARTS, *ROOMS])
async def test_a_killed_process_comes_back_and_nothing_accepted_is_lost(stack: Stack, victim: str) -> None:
    ledger, before = Ledger(), supervision.pid(stack, victim)

    base = stack.settings.public_url
    with closing(Phone.register(base, "dora")) as phone, closing(Phone.register(base, "emil")) as friend:
        commands = Commands(phone, friend)
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
    """The pid first: a Kafka client that asks a dying broker leaves sockets open."""
    return supervision.pid(stack, victim) not in (0, before) and health.healthy(stack, victim)


class Commands:
    """One person who opens rolls, takes photos and follows; tries again, under the same key, until answered."""

    def __init__(self, phone: Phone, friend: Phone) -> None:
        self._phone = phone
        self._friend = friend
        self.opened: dict[str, str] = {}  # roll's name -> its id, as answered
        self.taken: set[str] = set()  # photos, as answered
        self.given_up: list[str] = []

    def run(self, seconds: float) -> None:
        """Gives commands for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            name = f"roll-{token_hex(6)}"
            if roll := self._tried(name, self._open):
                self.opened[name] = roll
                if photo := self._tried(f"photo-{name}", partial(self._take, roll)):
                    self.taken.add(photo)
            self._tried(f"follow-{name}", self._follow)

    def _tried(self, key: str, command: Callable[[str], str]) -> str | None:
        for _ in range(60):
            try:
                return command(key)
            except (Unexpected, httpx.HTTPError):
                time.sleep(0.5)
        self.given_up.append(key)
        return None

    def _open(self, key: str) -> str:
        asked = {"name": key, "develop": "1s", "visibility": "public"}
        answer = self._phone.call("POST", "/v1/rolls", json=asked, headers={"idempotency-key": key})
        return str(answer["roll"]["id"])

    def _take(self, roll: str, key: str) -> str:
        told = {"upload_id": self._phone.upload(photographs()[0]), "roll": roll}
        answer = self._phone.call("POST", "/v1/photos", json=told, headers={"idempotency-key": f"{key}-{token_hex(4)}"})
        return str(answer["photo"]["id"])

    def _follow(self, key: str) -> str:
        method = "POST" if len(self.opened) % 2 else "DELETE"
        self._phone.call(method, f"/v1/users/{self._friend.user}/follow")
        return key


def assert_commands_took_effect_once(stack: Stack, commands: Commands) -> None:
    """Each answered roll and photo is in the log; a retried command made one fact, however often that stands there."""
    rolls: dict[str, set[str]] = {}
    developed: set[str] = set()
    for record in log.records(stack.settings, FACTS):
        match facts.decode(record.value):
            case facts.RollOpened() as fact:
                rolls.setdefault(fact.personal.name, set()).add(str(fact.id))
            case facts.PhotoDeveloped() as fact:
                developed.add(fact.photo)
    assert commands.opened
    assert commands.taken
    assert not commands.given_up
    assert all(len(rolls[name]) == 1 for name in commands.opened)
    assert commands.taken <= developed, "a photo that was accepted never came out of the bath"
