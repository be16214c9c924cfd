"""One batch through the four phases: decode, known, rule, apply; and the dead letters between.

The phase decides what an exception means (`processor.py`). The pure phases look at one record at a time, so the bad one
is known at once and there is nothing to bisect; a store that refuses records for good names them (`Poison`). Nothing
here knows Kafka or Faust: whoever calls `process` acknowledges what is `finished`, and only then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from processors.cap import Cap
from processors.intents import Intent
from processors.patience import Patience
from processors.portions import WHOLE, Portion, Size, portions
from processors.processor import Effects, Known, Poison, Record, Rule, Store, nothing
from processors.stores.dead_letters import DeadLetters, Headers, Letter, is_for
from processors.telemetry import Telemetry
from schemas.telemetry import RECORDS_APPLIED, RECORDS_DEAD
from schemas.topics import Origin, Topic

Decode = Callable[[bytes | None, bytes | None], object]
Guard = Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
Finished = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Item:
    """A record and its headers as they came (a `Record` keeps only the last of a repeated name)."""

    record: Record
    headers: Headers = ()


class Phases:
    """What one processor does with a batch. Belongs to one event loop."""

    def __init__(
        self,
        *,
        name: str,
        reads: Sequence[Topic],
        rule: Rule,
        known: Known,
        store: Store,
        dead_letters: DeadLetters,
        patience: Patience,
        telemetry: Telemetry,
        guard: Guard,
        at_once: Portion = WHOLE,
    ) -> None:
        self._name = name
        self._decode: Mapping[str, Decode] = {topic.name: topic.decode for topic in reads}
        self._rule = rule
        self._known = known
        self._store = store
        self._dead_letters = dead_letters
        self._patience = patience
        self._telemetry = telemetry
        self._guard = guard  # runs one attempt of `apply` when the store has not lost what it was told before
        self._at_once = at_once
        self._cap = Cap()

    async def process(self, items: Sequence[Item], finished: Finished) -> None:
        """Returns when every effect and every dead letter of `items` is durable. Twice is as good as once.

        `finished` is told how many more of them, in order, are done and may be acknowledged. Raises `Abandoned` (give
        the rest back) or `CapReached` (stop).
        """
        dead: dict[Origin, Letter] = {}
        values = self._decoded(items, dead)
        intents = await self._ruled(items, values, dead)
        await self._buried(items, dead, list(dead.values()))
        for number, portion in enumerate(self._portions(items, intents)):
            if number:  # the first one has its attempt whatever happens, as has a batch that is one
                self._patience.go_on()
            await self._applied(portion, intents, dead)
            self._cap = self._cap.after(_outcomes(portion, dead))
            self._counted(portion, dead)
            await finished(len(portion))

    def _portions(
        self, items: Sequence[Item], intents: Mapping[Origin, tuple[Intent, ...]]
    ) -> Iterator[Sequence[Item]]:
        records = [item.record for item in items]
        sizes = [Size(len(intents.get(record.origin, ())), len(record.value or b"")) for record in records]
        return (items[share] for share in portions(sizes, self._at_once))

    def _decoded(self, items: Sequence[Item], dead: dict[Origin, Letter]) -> dict[Origin, object]:
        values: dict[Origin, object] = {}
        for item in items:
            record = item.record
            if not is_for(self._name, item.headers):
                continue  # another processor's dead letter, driven again
            try:
                values[record.origin] = self._decode[record.origin.topic](record.key, record.value)
            except Exception as error:  # a pure phase: whatever it raises, this record is bad
                dead[record.origin] = _letter(item, "decode", error)
        return values

    async def _ruled(
        self, items: Sequence[Item], values: Mapping[Origin, object], dead: dict[Origin, Letter]
    ) -> dict[Origin, tuple[Intent, ...]]:
        alive = list(values.values())
        found = await self._patience.until_done("known", lambda: self._known(alive)) if alive else []
        given = [
            (value,) if self._known is nothing else (value, fact) for value, fact in zip(alive, found, strict=True)
        ]
        ends = await asyncio.gather(*(self._one(arguments) for arguments in given))
        by_origin = {item.record.origin: item for item in items}
        intents: dict[Origin, tuple[Intent, ...]] = {}
        for origin, end in zip(values, ends, strict=True):
            if isinstance(end, Exception):
                dead[origin] = _letter(by_origin[origin], "rule", end)
            else:
                intents[origin] = end
        return intents

    async def _one(self, arguments: tuple[Any, ...]) -> tuple[Intent, ...] | Exception:
        """What the rule wants done, or what it raised: then the record is bad.

        Of a rule that runs elsewhere, `OSError` says that it could not be run at all; that is no record's fault. It has
        its own time limits (the sandbox's), for work that takes long is not stuck.
        """
        try:
            wanted = self._rule(*arguments)
            if not isawaitable(wanted):
                return tuple(wanted)
        except Exception as error:
            return error
        first: list[Awaitable[Iterable[Intent]]] = [wanted]

        async def turn() -> tuple[Intent, ...] | Exception:
            try:
                return tuple(await (first.pop() if first else self._rule(*arguments)))  # type: ignore[misc]
            except OSError:
                raise
            except Exception as error:
                return error

        end = await self._patience.until_done("rule", turn, timeout_s=None)
        self._patience.turned()
        return end

    async def _buried(self, items: Sequence[Item], dead: Mapping[Origin, Letter], letters: Sequence[Letter]) -> None:
        if letters:
            self._cap.after(_outcomes(items, dead)).check()
            await self._patience.until_done("dead_letters", lambda: self._dead_letters.write(letters))

    async def _applied(
        self, items: Sequence[Item], intents: dict[Origin, tuple[Intent, ...]], dead: dict[Origin, Letter]
    ) -> None:
        by_origin = {item.record.origin: item for item in items}
        while True:
            try:
                await self._patience.until_done("apply", lambda: self._attempt(list(by_origin), intents))
                return
            except Poison as poison:
                fresh = {origin: why for origin, why in poison.refused.items() if origin in intents}
                for origin, why in fresh.items():
                    del intents[origin]
                    dead[origin] = _letter(by_origin[origin], "apply", why)
                await self._buried(items, dead, [dead[origin] for origin in fresh])

    async def _attempt(self, origins: Sequence[Origin], intents: Mapping[Origin, tuple[Intent, ...]]) -> None:
        """One `apply`. A `Poison` that names nothing we may still bury would never end: it is retried with a pause."""
        effects = [Effects(origin, intents.get(origin, ())) for origin in origins]
        try:
            await self._guard(lambda: self._store.apply(effects))
        except Poison as poison:
            if not poison.refused.keys() & intents.keys():
                raise RuntimeError(f"the store refuses records that ask for nothing: {poison}") from poison
            raise

    def _counted(self, items: Sequence[Item], dead: Mapping[Origin, Letter]) -> None:
        for item in items:
            topic = item.record.origin.topic
            letter = dead.get(item.record.origin)
            if letter:
                self._telemetry.count(RECORDS_DEAD, self._name, topic, letter.stage)
            else:
                self._telemetry.count(RECORDS_APPLIED, self._name, topic)


def _letter(item: Item, stage: str, error: Exception | str) -> Letter:
    reason = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return Letter(item.record, item.headers, stage, reason)


def _outcomes(items: Sequence[Item], dead: Mapping[Origin, Letter]) -> list[tuple[Origin, bool]]:
    return [(item.record.origin, item.record.origin in dead) for item in items]
