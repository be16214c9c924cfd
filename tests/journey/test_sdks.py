"""The official SDKs against a collector whose broker is killed: every event they were given is in the log."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import pytest

from local.stack import ROOT, Stack
from schemas import events
from schemas.topics import EVENTS
from tests import log
from tests.faults.collecting import Collector, a_collector, await_broker, kill_broker
from tests.sdks import node

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]

CODINGS = ("plain", "gzip")


@dataclass(frozen=True)
class Sdk:
    """One SDK in a process of its own, as a customer's."""

    name: str
    argv: tuple[str | Path, ...]
    coding: str

    def __str__(self) -> str:
        return f"{self.name} {self.coding}"


def python_sdks() -> list[Sdk]:
    return [Sdk("python", (sys.executable, ROOT / "tests/sdks/send.py"), coding) for coding in CODINGS]


def node_sdks() -> list[Sdk]:
    """Fails with npm's own words when they cannot be installed."""
    place = node.installed()
    return [Sdk("node", (node.node(place), node.sender(place)), coding) for coding in CODINGS]


def test_what_the_python_sdk_sends_while_the_broker_dies_is_in_the_log(parts: Stack, tmp_path: Path) -> None:
    assert_all_arrives(parts, tmp_path, python_sdks(), events_each=1000, per_second=200, kills=1)


@pytest.mark.nightly
def test_ten_thousand_events_of_each_sdk_survive_a_broker_that_dies_twice(parts: Stack, tmp_path: Path) -> None:
    sdks = [*python_sdks(), *node_sdks()]

    assert_all_arrives(parts, tmp_path, sdks, events_each=10_000, per_second=250, kills=2)


@pytest.mark.nightly
def test_without_a_spool_the_sdks_own_retries_bring_every_event(parts: Stack, tmp_path: Path) -> None:
    sdks = [*python_sdks(), *node_sdks()]

    assert_all_arrives(parts, tmp_path, sdks, events_each=2_000, per_second=100, kills=1, spool=False)


def assert_all_arrives(
    parts: Stack,
    folder: Path,
    sdks: Sequence[Sdk],
    *,
    events_each: int,
    per_second: int,
    kills: int,
    spool: bool = True,
) -> None:
    """Kills the broker `kills` times, evenly while the SDKs send; then each of their events is in the log."""
    with a_collector(parts, folder, {} if spool else {"spool_max_bytes": 0}) as collector:
        with sending(sdks, collector, parts.write_key, events_each, per_second) as senders:
            for _ in range(kills):
                time.sleep(events_each / per_second / (kills + 1))
                assert all(sender.poll() is None for sender in senders.values()), "one ended before the broker died"
                kill_broker(parts)
            await_broker(parts)
            told = {sdk: json.loads(sender.communicate(timeout=240)[0]) for sdk, sender in senders.items()}
        collector.drained()
        spooled = collector.metric("events_spooled_total")
    copies = Counter(logged_ids(parts))
    for sdk, said in told.items():
        report(sdk, said["ids"], copies)
        assert said["failed"] == []
        assert len(set(said["ids"])) == events_each
        assert [one for one in said["ids"] if one not in copies] == [], f"{sdk}: not in the log"
    assert spooled or not spool, "nothing was spooled: the broker died unnoticed"


@contextmanager
def sending(
    sdks: Iterable[Sdk], collector: Collector, key: str, count: int, per_second: int
) -> Iterator[dict[Sdk, "subprocess.Popen[bytes]"]]:
    """One process each, all at once; none is left behind."""
    with ExitStack() as left:
        senders = {}
        for sdk in sdks:
            told = (collector.url, key, count, per_second, sdk.coding, f"{sdk.name}-{token_hex(4)}")
            sender = subprocess.Popen([*map(str, (*sdk.argv, *told))], stdout=subprocess.PIPE)
            left.enter_context(sender)
            left.callback(sender.kill)
            senders[sdk] = sender
        yield senders


def logged_ids(parts: Stack) -> Iterator[str]:
    """As often as they stand there."""
    for record in log.records(parts.settings, EVENTS):
        yield from (event.message_id or "" for _, event in events.indexed(events.decode(record.value)))


def report(sdk: Sdk, ids: Sequence[str], copies: Counter[str]) -> None:
    twice = sum(copies[one] - 1 for one in ids if one in copies)
    print(f"{sdk}: {len(ids)} sent, {sum(one in copies for one in ids)} in the log, {twice} of them twice")
