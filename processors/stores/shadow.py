"""Two copies of a view: the live one and its shadow, which a replay of the log fills; each on the servers of a table.

A *fence* stops one processor's functions in some buckets, as for a bucket that moves (`moving.py`), and nobody else's.
What the live view holds then is known: everything below its `positions`, and nothing of what comes after the batch
under way.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import uuid4

from processors.rules.replay import Held, Unit, units
from processors.stores import moving
from processors.stores.shards import Shards
from schemas import projections, shards
from schemas.projections import FENCE, SHADOW, Key, Processor, bucket_of_key
from schemas.shards import ALL, Table

AT_ONCE = 500  # keys per round trip
OURS = b"2"  # what the fence holds; that of a bucket that moves holds 1. A number: it stands among offsets
LIFT = "if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end"

Connect = Callable[[str], Any]
Positions = dict[tuple[str, int], int]  # next offset by (topic, partition)
T = TypeVar("T")


class Moving(RuntimeError):
    """A bucket moves to another server, or has moved since we looked; when it is there, the same command goes on."""


class NotAShadow(RuntimeError):
    """The address holds something else, or a replay by other code; it has to be empty."""


class Another(RuntimeError):
    """Somebody else replays the same view just now."""


class Side:
    """One of the two. Answers are bytes on the way, for a copy must not change them."""

    def __init__(self, table: Table, connect: Connect = moving.client) -> None:
        self.table = table
        self.clients = [connect(url) for url in table.servers]

    async def close(self) -> None:
        """Let go of the connections."""
        for client in self.clients:
            await client.aclose()

    def home(self, key: Key) -> Any:
        """The client of the key's server."""
        return self.clients[self.table.homes[bucket_of_key(key)]]

    # --- what is there ------------------------------------------------------------------------------------------------

    async def units(self, processor: Processor, buckets: Collection[int] = ALL) -> AsyncIterator[list[Unit]]:
        """All of the processor's in these buckets, some at a time; one that comes or goes meanwhile may be missing."""
        match = f"{{b{next(iter(buckets)):02d}}}:*" if len(buckets) == 1 else "{b*"
        for number, client in enumerate(self.clients):
            own = set(buckets).intersection(self.table.buckets(number))
            async for keys in _scanned(client, match):
                if found := units([key for key in keys if own and bucket_of_key(key) in own], processor):
                    yield found

    async def values(self, keys: Sequence[Key]) -> list[Held | None]:
        """What each holds."""
        types = await self._asked(keys, [("TYPE",)] * len(keys))
        asked = [ASK.get(_text(type_), ("EXISTS",)) for type_ in types]
        answers = await self._asked(keys, asked)
        until = await self._asked(keys, [("PEXPIRETIME",)] * len(keys))
        return [_held(*each) for each in zip(map(_text, types), answers, until, strict=True)]

    async def whole(self, found: Sequence[Unit]) -> list[bool]:
        """Whether every key of each unit is there."""
        keys = [key for unit in found for key in unit]
        there = dict(zip(keys, await self._asked(keys, [("EXISTS",)] * len(keys)), strict=True))
        return [all(there[key] for key in unit) for unit in found]

    async def _asked(self, keys: Sequence[Key], commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The answers; errors of a key whose type changed among them. `commands`: name, then what follows the key."""
        answers: list[Any] = [None] * len(keys)
        for client in self.clients:
            mine = [place for place, key in enumerate(keys) if self.home(key) is client]
            for some in chunks(mine, AT_ONCE):
                pipe = client.pipeline(transaction=False)
                for place in some:
                    name, *words = commands[place]
                    pipe.execute_command(name, keys[place], *words)
                for place, answer in zip(some, await pipe.execute(raise_on_error=False), strict=True):
                    answers[place] = answer
        return answers

    # --- where it is, and that it stays there -------------------------------------------------------------------------

    async def positions(self, processor: Processor, buckets: Iterable[int] = ALL) -> Positions:
        """Above everything that the processor has applied in these buckets; all below its progress is."""
        found = Positions()
        for client in self.clients:
            _raise(found, await client.hgetall(projections.progress(processor)), 0)
        keys = [projections.watermark(number, processor) for number in buckets]
        for fields in await self._asked(keys, [("HGETALL",)] * len(keys)):
            _raise(found, fields, 1)
        return found

    @asynccontextmanager
    async def fenced(self, processor: Processor, buckets: Collection[int]) -> AsyncIterator[None]:
        """Nothing of the processor changes in these buckets meanwhile; its workers wait."""
        try:
            await self._fence(processor, buckets)
            yield
        finally:
            await self.lift(processor, buckets)

    async def _fence(self, processor: Processor, buckets: Collection[int]) -> None:
        keys = [projections.watermark(number, processor) for number in buckets]
        await self._asked(keys, [("HSETNX", FENCE, OURS)] * len(keys))
        for key, fence in zip(keys, await self._asked(keys, [("HGET", FENCE)] * len(keys)), strict=True):
            if fence != OURS:
                where = bucket_of_key(key)
                raise Moving(f"bucket {where} moves, or has moved, to another server; let that end and try again")

    async def lift(self, processor: Processor, buckets: Collection[int] = ALL) -> None:
        """No fence of ours is left, also of one who was killed; those of buckets that move stay."""
        keys = [projections.watermark(number, processor) for number in buckets]
        for client in self.clients:
            pipe = client.pipeline(transaction=False)
            for key in (key for key in keys if self.home(key) is client):
                pipe.eval(LIFT, 1, key, FENCE, OURS)
            await pipe.execute()


async def live(text: str, processor: Processor, connect: Connect = moving.client) -> Side:
    """The side that the rooms use: `text` is `REDIS_URL`, and some buckets may have moved since.

    `Another` while somebody else has it for the same processor: each would lift the other's fence.
    """
    found = Shards(text)
    try:
        await found.open()
        side = Side(found.table, connect)
    finally:
        await found.close()
    await _or_closed(side, lambda client: _alone(client, f"replay-{processor}-"))
    return side


async def _alone(client: Any, kind: str) -> None:
    """By the connection's name, which goes with a process that is killed."""
    mine = f"{kind}{uuid4().hex}"
    await client.client_setname(mine)
    names = [each["name"] for each in await client.client_list()]
    if any(name.startswith(kind) and name != mine for name in names):
        raise Another(f"{kind}: another one runs; expected one at a time")


async def shadow(text: str, processor: Processor, code: str, connect: Connect = moving.client) -> Side:
    """The side to be filled. `NotAShadow` unless its servers are empty, or were begun by the same code for the same."""
    side = Side(shards.table(text), connect)
    await _or_closed(side, lambda client: _claim(client, processor, code))
    return side


async def _or_closed(side: Side, step: Callable[[Any], Awaitable[None]]) -> None:
    """The step with each of the clients; when one raises, all are closed."""
    try:
        for client in side.clients:
            await step(client)
    except BaseException:
        await side.close()
        raise


async def _claim(client: Any, processor: Processor, code: str) -> None:
    marks = {b"processor": processor.encode(), b"code": code.encode()}
    if not await client.dbsize():
        await client.hset(SHADOW, mapping=marks)
    elif await client.hgetall(SHADOW) != marks:
        raise NotAShadow(f"the shadow holds something else than a replay of {processor} by this code; empty it")


def chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """So many at a time."""
    return [items[at : at + size] for at in range(0, len(items), size)]


ASK: Mapping[str, tuple[Any, ...]] = {
    "string": ("GET",),
    "hash": ("HGETALL",),
    "set": ("SMEMBERS",),
    "zset": ("ZRANGE", 0, -1, "WITHSCORES"),
    "list": ("LRANGE", 0, -1),
}


async def _scanned(client: Any, match: str) -> AsyncIterator[list[Key]]:
    some: list[Key] = []
    async for key in client.scan_iter(match=match, count=AT_ONCE):
        some.append(Key(_text(key)))
        if len(some) == AT_ONCE:
            yield some
            some = []
    yield some


def _held(type_: str, answer: Any, until_ms: Any) -> Held | None:
    if type_ == "none":
        return None
    if type_ not in ASK or isinstance(answer, Exception):
        return Held(type_, str(answer))
    return Held(type_, _value(type_, answer), int(until_ms))


def _value(type_: str, answer: Any) -> str | Mapping[str, str] | Collection[str]:
    match type_:
        case "string":
            return _text(answer or b"")
        case "hash":
            fields = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
            return {_text(field): _text(value) for field, value in fields.items()}
        case "set":
            return frozenset(map(_text, answer))
        case "zset":  # in ours every score is 0
            return tuple(_text(member) if score == 0 else f"{_text(member)} at {score}" for member, score in answer)
        case _:
            return tuple(map(_text, answer))


def _text(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def _raise(found: Positions, fields: Mapping[bytes, bytes], more: int) -> None:
    for field, offset in fields.items():
        topic, _, partition = field.decode().partition("#")[0].rpartition(":")
        if topic:  # else the fence
            place = (topic, int(partition))
            found[place] = max(found.get(place, 0), int(offset) + more)
