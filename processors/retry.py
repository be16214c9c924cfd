"""`python -m processors dead list|show|retry|drop`: the workbench for what could not be processed.

`retry` appends a group's records to their topics again, bytes, key and ids as they were, marked for the one processor
that had refused them: all others pass by, so nothing doubles. It first tries each record with the code as it is now,
and leaves alone what would only die again; `--dry-run` stops there. `drop` says that a group may stay dead. Either
writes a letter behind the others, so that the group leaves the list; a retry that was cut off between the two can be
repeated, and then a record stands in the log twice under one id, as after any retry (views and staging know the id).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from inspect import iscoroutinefunction

import msgspec

from processors import dead
from processors.agents import PROCESSORS
from processors.dead import Dead, Message
from processors.processor import Processor, nothing
from processors.stores.dead_letters import ONLY_FOR, DeadLetters, Headers, Letter
from schemas.settings import Settings
from schemas.topics import DEAD

AGAIN = "again"  # header: where the record stood before

Clock = Callable[[], datetime]


class Trial(msgspec.Struct, frozen=True):
    """A letter, and why its record would die again; "" when the code as it is now has no objection."""

    dead: Dead
    objection: str


def done(
    settings: Settings,
    action: str,
    group: str | None,
    clock: Clock,
    *,
    dry_run: bool = False,
    topic: str = DEAD.name,
    processors: Sequence[Processor] = PROCESSORS,
) -> str:
    """Does it and says what was done. `topic` and `processors` are the tests' own."""
    letters = dead.unsettled(dead.read(settings, topic))
    if action in ("list", "show"):
        return dead.shown(letters, action, group)
    chosen = [each for each in letters if each.group == group]
    if not chosen:
        return f"no group {group}; expected one of `list`"
    if action == "drop":
        return _dropped(settings, chosen, clock, topic, dry_run=dry_run)
    return _retried(settings, [trial(each, processors) for each in chosen], clock, topic, dry_run=dry_run)


def trial(letter: Dead, processors: Sequence[Processor] = PROCESSORS) -> Trial:
    """Tries the pure phases; whether a store still refuses the record shows when it is driven again.

    Of a rule that must know something first, only whether the record can be read is tried.
    """
    processor = next((each for each in processors if each.name == letter.processor), None)
    record = letter.letter.record
    topic = next((each for each in processor.reads if each.name == record.origin.topic), None) if processor else None
    if processor is None or topic is None:
        return Trial(letter, f"no processor {letter.processor} reads {record.origin.topic} any more")
    try:
        value = topic.decode(record.key, record.value)
        if processor.known is nothing and not iscoroutinefunction(processor.rule):
            tuple(processor.rule(value))  # type: ignore[arg-type]  # not a coroutine function: an iterable
    except Exception as error:  # a pure phase: whatever it raises, this record is still bad
        return Trial(letter, f"{type(error).__name__}: {error}")
    return Trial(letter, "")


def _retried(settings: Settings, trials: Sequence[Trial], clock: Clock, topic: str, *, dry_run: bool) -> str:
    fit = [each.dead for each in trials if not each.objection]
    objections = [each.objection for each in trials if each.objection]
    if not dry_run:
        dead.send(settings, map(driven_again, fit))
        dead.send(settings, _settled(fit, "retried", clock, topic))
    did = f"{len(fit)} {'would be driven again' if dry_run else 'driven again'}"
    return "\n".join([f"{did}, {len(objections)} would die again", *sorted(set(objections))[:5]])


def _dropped(settings: Settings, letters: Sequence[Dead], clock: Clock, topic: str, *, dry_run: bool) -> str:
    if dry_run:
        return f"{len(letters)} would be dropped"
    dead.send(settings, _settled(letters, "dropped", clock, topic))
    return f"{len(letters)} dropped; their letters stay in {topic} as long as it keeps them"


def driven_again(letter: Dead) -> Message:
    """The record as it was, into its own partition, for the processor that had refused it."""
    record = letter.letter.record
    theirs = tuple(each for each in letter.letter.headers if each[0] not in (ONLY_FOR, AGAIN))
    ours: Headers = ((ONLY_FOR, letter.processor.encode()), (AGAIN, str(record.origin).encode()))
    return record.origin.topic, record.origin.partition, record.key, record.value, theirs + ours


def _settled(letters: Iterable[Dead], stage: str, clock: Clock, topic: str) -> list[Message]:
    """Letters of the same records that say so, without the bytes."""
    written: list[Message] = []

    async def send(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        written.append((topic, None, key, value, headers))

    async def write() -> None:
        for each in letters:
            record = msgspec.structs.replace(each.letter.record, value=b"", headers={})
            letter = Letter(record, (), stage, f"{stage} by hand", each.letter.attempts)
            await DeadLetters(send, each.processor, clock, topic).write([letter])

    asyncio.run(write())
    return written
