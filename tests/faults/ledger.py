"""The ledger check: what was sent, as the sender remembers it, against what stands in the log.

The sender files every event with its hash before it leaves, and every batch under what it was answered. After the
faults have stopped and the spools are empty, `judge` compares; it needs no server and trusts no room's word.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from bench import traffic
from schemas import events
from schemas.settings import Settings
from schemas.topics import EVENTS
from tests import log

Event = dict[str, Any]


class Logged(NamedTuple):
    """One event as the log has it, `digest` the SHA-256 of its bytes."""

    partition: int
    offset: int
    place: int  # in the client's batch
    key: str
    id: str
    digest: bytes


@dataclass
class Ledger(traffic.Ledger):
    """What was sent and what became of it. A key's events are judged by order: one sequential client must send them."""

    digests: dict[str, bytes] = field(default_factory=dict)
    by_key: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # ids in the order of sending

    def body(self, key: str, batch: Sequence[Event]) -> bytes:
        """The batch as it goes over the wire, filed: nothing leaves that is not in the ledger."""
        raw = [msgspec.json.encode(one) for one in batch]
        for one, found in zip(batch, raw, strict=True):
            self.digests[one["messageId"]] = sha256(found).digest()
            self.by_key[key].append(one["messageId"])
        return b'{"batch":[' + b",".join(raw) + b"]}"

    def answered(self, ids: Iterable[str], status: int, results: list[Any]) -> None:
        """Files a batch by its answer; status 0 when none came. A 5xx may be in the log or not."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 0 or status >= 500:
            self.unknown.update(ids)
        elif status == 200 and not results:
            self.accepted.update(ids)
        else:
            self.refused.update(ids)


@dataclass(frozen=True)
class Verdict:
    """What is wrong; `twice` is allowed (at least once), and told."""

    lost: frozenset[str]  # accepted, and not in the log
    phantom: frozenset[str]  # in the log, and never sent or plainly refused
    altered: frozenset[str]  # other bytes than were sent
    disordered: frozenset[tuple[str, str]]  # accepted one after the other, first seen the other way round
    twice: int  # copies beyond the first
    unknown_kept: int  # unanswered, and in the log

    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.phantom or self.altered or self.disordered)

    def __str__(self) -> str:
        names = ("lost", "phantom", "altered", "disordered")
        bad = {name: found for name in names if (found := getattr(self, name))}
        shown = "; ".join(f"{len(found)} {name}, such as {sorted(found)[:3]}" for name, found in bad.items())
        return f"{shown or 'nothing wrong'}; {self.twice} twice, {self.unknown_kept} unanswered but kept"


def judge(ledger: Ledger, logged: Iterable[Logged]) -> Verdict:
    """Looks only at the ledger's keys: others may use the same log."""
    ours = [one for one in sorted(logged) if one.key in ledger.by_key]
    copies = Counter(one.id for one in ours)
    return Verdict(
        lost=frozenset(ledger.accepted - set(copies)),
        phantom=frozenset(set(copies) - set(ledger.digests) | ledger.refused & set(copies)),
        altered=frozenset(one.id for one in ours if ledger.digests.get(one.id, one.digest) != one.digest),
        disordered=frozenset(_disordered(ledger, ours)),
        twice=copies.total() - len(copies),
        unknown_kept=len(ledger.unknown & set(copies)),
    )


def _disordered(ledger: Ledger, ours: list[Logged]) -> Iterator[tuple[str, str]]:
    """Pairs whose first copies stand the wrong way round. Unanswered ones have no place: the client went on."""
    first: dict[str, int] = {}
    for place, one in enumerate(ours):
        first.setdefault(one.id, place)
    for ids in ledger.by_key.values():
        known = (one for one in ids if one in ledger.accepted and one in first)
        yield from ((a, b) for a, b in pairwise(known) if first[a] >= first[b])


def logged(settings: Settings) -> Iterator[Logged]:
    """Every event of the log, bytes as they stand there."""
    for record in log.records(settings, EVENTS):
        envelope = events.decode(record.value)
        for (index, event), raw in zip(events.indexed(envelope), envelope.events, strict=True):
            found = sha256(bytes(raw)).digest()
            id = events.event_id(envelope, index, event)
            yield Logged(record.origin.partition, record.origin.offset, index, envelope.key, id, found)


def check(settings: Settings, ledger: Ledger) -> Verdict:
    """Fails with what is wrong; call it when the faults have stopped and every spool is empty."""
    found = judge(ledger, logged(settings))
    print(f"{ledger.statuses}: {len(ledger.accepted)} accepted, {len(ledger.unknown)} unknown; {found}")
    assert found.holds(), found
    return found


def balanced(metric: Callable[[str], float]) -> bool:
    """Whether one collector's counts, by metric, add up to the event; only while it has not been killed."""
    after = ("events_stored_total", "events_rejected_total", "events_spooled_total")
    return metric("events_received_total") == sum(metric(name) for name in after)
