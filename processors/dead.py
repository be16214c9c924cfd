"""What could not be processed, grouped by what is wrong with it. `retry.py` does something about it.

A letter is settled by another one of the same record and processor whose stage is `retried` or `dropped`; the log is
never changed.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from kafka import KafkaProducer

from processors import log
from processors.processor import Record
from processors.stores.dead_letters import Headers, Letter
from schemas.letters import SETTLED, told
from schemas.settings import Settings
from schemas.topics import DEAD, Origin

SAMPLE_BYTES = 2_000
SEND_S = 30.0
LARGEST = 2 << 20  # as the processors' own producer

Message = tuple[str, int | None, bytes | None, bytes | None, Headers]  # topic, partition, key, value, headers


class Dead(msgspec.Struct, frozen=True):
    """One letter as it was read, and whose it is."""

    letter: Letter
    processor: str
    time: str

    @property
    def group(self) -> str:
        """Fingerprint: processor, topic, stage, and the reason up to its first particular (a quote, a number)."""
        reason = self.letter.reason.partition(" - at ")[0].partition("`")[0]
        kind = "".join("#" if character.isdigit() else character for character in reason)
        said = "\n".join((self.processor, self.letter.record.origin.topic, self.letter.stage, kind))
        return hashlib.sha256(said.encode()).hexdigest()[:8]


def shown(letters: Sequence[Dead], action: str, group: str | None) -> str:
    """The text of `list` (one line per group) or `show` (a sample of one group)."""
    if action == "list":
        return _listed(letters)
    return next((_sample(dead) for dead in letters if dead.group == group), f"no group {group}; expected one of `list`")


def read(settings: Settings, topic: str = DEAD.name) -> Iterator[Dead]:
    """Every letter there is, oldest first in each partition."""
    with log.opened(settings) as found:
        for number, span in found.spans(topic).items():
            for record in found.records(topic, number, span):
                yield opened(record.key, record.value, record.headers)


def send(settings: Settings, messages: Iterable[Message]) -> None:
    """Returns when all replicas in sync have every message, in this order; raises when they may not."""
    producer = KafkaProducer(bootstrap_servers=settings.brokers, acks="all", max_request_size=LARGEST, linger_ms=5)
    try:
        sent = [
            producer.send(topic, value, key, list(headers), partition)
            for topic, partition, key, value, headers in messages
        ]
        for future in sent:
            future.get(SEND_S)
    finally:
        producer.close()


def opened(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, Any]]) -> Dead:
    """A record of `dead.v1` as the letter that was written."""
    said, theirs = told([(name, bytes(text or b"")) for name, text in headers])
    key, value = (None if name in said.absent else of for name, of in (("key", key), ("value", value)))
    original = Record(said.origin, key, value, dict(theirs))
    return Dead(Letter(original, tuple(theirs), said.stage, said.reason, said.attempts), said.processor, said.time)


def distinct(letters: Iterable[Dead]) -> list[Dead]:
    """One letter per record and processor: what is at least once has copies."""
    return list({_of(dead): dead for dead in letters}.values())


def unsettled(letters: Iterable[Dead]) -> list[Dead]:
    """Those that nobody has retried or dropped, once each."""
    found = list(letters)
    settled = {_of(dead) for dead in found if dead.letter.stage in SETTLED}
    return [dead for dead in distinct(found) if _of(dead) not in settled]


def _of(dead: Dead) -> tuple[str, Origin]:
    return dead.processor, dead.letter.record.origin


def _listed(letters: Sequence[Dead]) -> str:
    groups: dict[str, list[Dead]] = {}
    for dead in letters:
        groups.setdefault(dead.group, []).append(dead)
    if not groups:
        return "no dead letters"
    lines = [f"{'group':10}{'records':>8}  {'processor':12}{'stage':8}{'topic':16}reason of the first"]
    for name, found in sorted(groups.items(), key=lambda each: -len(each[1])):
        first = found[0]
        origin = first.letter.record.origin
        told = f"{first.processor:12}{first.letter.stage:8}{origin.topic:16}{first.letter.reason[:80]}"
        lines.append(f"{name:10}{len(found):>8}  {told}")
    return "\n".join(lines)


def _sample(dead: Dead) -> str:
    letter = dead.letter
    lines = [f"{letter.record.origin}  {dead.processor}  {letter.stage}  {dead.time}", letter.reason, ""]
    lines += [f"key    {letter.record.key!r}"]
    lines += [f"header {name}: {text!r}" for name, text in letter.headers]
    lines += [f"value  {letter.record.value[:SAMPLE_BYTES]!r}" if letter.record.value is not None else "value  (none)"]
    return "\n".join(lines)
