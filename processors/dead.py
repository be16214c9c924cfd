"""`python -m processors dead list|show`: what could not be processed, grouped by what is wrong with it."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from processors.processor import Record
from processors.stores.dead_letters import Letter
from schemas.settings import Settings
from schemas.topics import DEAD, Origin

QUIET_MS = 1_000
SAMPLE_BYTES = 2_000


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


def shown(settings: Settings, action: str, group: str | None) -> str:
    """The text of `list` (one line per group) or `show` (a sample of one group)."""
    letters = distinct(read(settings))
    if action == "list":
        return _listed(letters)
    return next((_sample(dead) for dead in letters if dead.group == group), f"no group {group}; expected one of `list`")


def read(settings: Settings, topic: str = DEAD.name) -> Iterator[Dead]:
    """Every letter there is, oldest first in each partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka_brokers.split(","), group_id=None, consumer_timeout_ms=QUIET_MS
    )
    try:
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        if not partitions:
            return
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(tp) < ends[tp] for tp in partitions):
            for records in consumer.poll(timeout_ms=QUIET_MS).values():
                yield from (opened(record.key, record.value, record.headers) for record in records)
    finally:
        consumer.close()


def opened(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, Any]]) -> Dead:
    """A record of `dead.v1` as the letter that was written."""
    names = [(name, bytes(text or b"")) for name, text in headers]
    told = {name: text.decode() for name, text in names[-9:]}
    absent = told["absent"].split(",") if names[-1][0] == "absent" else []
    theirs = tuple(names[: -9 if absent else -8])
    origin = Origin(told["topic"], int(told["partition"]), int(told["offset"]))
    original = Record(origin, None if "key" in absent else key, None if "value" in absent else value, dict(theirs))
    letter = Letter(original, theirs, told["stage"], told["reason"], int(told["attempts"]))
    return Dead(letter, told["processor"], told["time"])


def distinct(letters: Iterable[Dead]) -> list[Dead]:
    """One letter per record and processor: what is at least once has copies."""
    return list({(dead.processor, dead.letter.record.origin): dead for dead in letters}.values())


def _listed(letters: list[Dead]) -> str:
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
