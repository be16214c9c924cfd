"""A command that is retried with its Idempotency-Key takes effect once, whatever was lost in between.

The fact's id derives from the key, so a second append is recognised by every view; the lease remembers the very fact,
so the second append is the first one's copy; the view of `entity` remembers what was made when the lease is lost.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from ingest.doors import Doors
from ingest.leases import IN_FLIGHT, Lease
from schemas import facts
from schemas.facts import Fact
from schemas.ids import FactId
from schemas.problems import Refusal, refusal
from schemas.topics import Origin

F = TypeVar("F", bound=Fact)


class Made(msgspec.Struct, Generic[F], frozen=True):
    """What the command made, now or when it first came: its fact, or only the entity that views know it by."""

    fact: F | None
    entity: str | None = None
    positions: tuple[Origin, ...] = ()


class Attempt(msgspec.Struct, Generic[F], frozen=True):
    """One try of a command. `body_hash` "" means: whatever the body says, the first one stands."""

    id: FactId
    kind: type[F]
    body_hash: str
    at: datetime
    trace: str
    keyed: bool = True  # False: no retry can ask for this fact again, so nothing is remembered


async def once(doors: Doors, attempt: Attempt[F], decide: Callable[[], Awaitable[F]]) -> Made[F]:
    """The fact of this attempt stands in the log, once.

    Refused with `idempotency_key_reused` when the body is another, with `idempotency_in_progress` while an earlier try
    is under way. `decide` may refuse; then the key is free again.
    """
    if not attempt.keyed:
        fact = await decide()
        return Made(fact, positions=(await doors.log.fact(fact, attempt.trace),))
    before = await doors.leases.begin(attempt.id, attempt.body_hash, attempt.at)
    if before is None:
        if entity := await doors.projections.entity(attempt.id):
            await doors.leases.release(attempt.id)
            return Made(None, entity)
        return await _append(doors, attempt, await _decided(doors, attempt, decide))
    _refuse_other(before, attempt)
    if before.fact is None:
        return await _append(doors, attempt, await _decided(doors, attempt, decide))
    fact = msgspec.json.decode(before.fact, type=attempt.kind)
    return Made(fact) if before.done else await _append(doors, attempt, fact)


def _refuse_other(before: Lease, attempt: Attempt[F]) -> None:
    if before.body != attempt.body_hash:
        raise refusal("idempotency_key_reused", "the Idempotency-Key came with another body before")
    if not before.done and attempt.at < before.until:
        raise refusal("idempotency_in_progress", "the same command is being carried out", retry_after_s=1)


async def _decided(doors: Doors, attempt: Attempt[F], decide: Callable[[], Awaitable[F]]) -> F:
    try:
        return await decide()
    except Refusal:
        await doors.leases.release(attempt.id)
        raise


async def _append(doors: Doors, attempt: Attempt[F], fact: F) -> Made[F]:
    """The lease holds the fact before the log does; when the log refuses, a retry may come at once."""
    lease = Lease(attempt.body_hash, attempt.at + IN_FLIGHT, facts.encode(fact).decode())
    await doors.leases.keep(attempt.id, lease)
    try:
        origin = await doors.log.fact(fact, attempt.trace)
    except Refusal:
        with suppress(Refusal):
            await doors.leases.keep(attempt.id, msgspec.structs.replace(lease, until=attempt.at))
        raise
    with suppress(Refusal):  # the fact stands: a lease that is lost now only makes a retry append its copy
        await doors.leases.keep(attempt.id, msgspec.structs.replace(lease, done=True))
    return Made(fact, positions=(origin,))
