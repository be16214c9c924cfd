"""Door to `dead.v1`: a record that could not be processed, as it was, and why.

A letter is the original's key, value and headers, then eight headers of ours at the end (a foreign record may carry the
same names; the last one counts): reason, stage, topic, partition, offset, attempts, time, processor. A ninth, `absent`,
names what was null in the original and cannot be told from its bytes here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from processors.processor import Record
from schemas.topics import DEAD

ONLY_FOR = "only-for"  # header of a record that was driven again: the processor that had refused it; others pass by
LONGEST_REASON = 500  # characters; a reason may quote the record, and the letter must still fit into a message

Headers = tuple[tuple[str, bytes], ...]
Send = Callable[[str, bytes | None, bytes | None, Headers], Awaitable[None]]


class Letter(msgspec.Struct, frozen=True):
    """One record and why it was refused. `headers` are the original's, repeated names and all."""

    record: Record
    headers: Headers
    stage: str
    reason: str
    attempts: int = 1


def is_for(processor: str, headers: Iterable[tuple[str, bytes]]) -> bool:
    """Whether the processor is to do anything with the record: what was driven again concerns one of them."""
    named = [who for name, who in headers if name == ONLY_FOR]
    return not named or named[-1] == processor.encode()


class DeadLetters:
    """Writes the letters of one processor. Not idempotent: readers deduplicate by origin and processor."""

    def __init__(self, send: Send, processor: str, clock: Callable[[], datetime], topic: str = DEAD.name) -> None:
        self._send = send
        self._processor = processor
        self._clock = clock
        self._topic = topic

    async def write(self, letters: Sequence[Letter]) -> None:
        """Returns when the log has all of them; raises when it may not have, and then nothing may be acknowledged."""
        await asyncio.gather(*(self._write(letter) for letter in letters))

    async def _write(self, letter: Letter) -> None:
        key, value = letter.record.key, letter.record.value
        if key is None and value is None:
            key = b""  # a record of nothing at all: the producer refuses it; `absent` tells it from an empty key
        await self._send(self._topic, key, value, letter.headers + self._ours(letter))

    def _ours(self, letter: Letter) -> Headers:
        record = letter.record
        absent = [name for name in ("key", "value") if getattr(record, name) is None]
        told = {
            "reason": letter.reason[:LONGEST_REASON],
            "stage": letter.stage,
            "topic": record.origin.topic,
            "partition": str(record.origin.partition),
            "offset": str(record.origin.offset),
            "attempts": str(letter.attempts),
            "time": self._clock().isoformat(),
            "processor": self._processor,
        } | ({"absent": ",".join(absent)} if absent else {})
        return tuple((name, text.encode(errors="replace")) for name, text in told.items())
