"""Who erased themselves: what `metrics` must know of a batch of events, and that it may not know yet.

Views are asked, as `metrics` writes its own into the same servers: when they are away, both wait.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from processors.stores.shards import Shards
from schemas import projections
from schemas.events import EventsRecord
from schemas.facts import Fact
from schemas.ids import UserId

_ID = re.compile(r"[1-9][0-9]{0,18}")


class Incomplete(RuntimeError):
    """Views are being rebuilt: whoever has no tombstone now may have one soon. The loop asks again."""


class Tombstones:
    """For each batch of events, when whoever sent it erased themselves; None for everybody else, and for facts.

    A batch says by itself whose it is, and proves nothing: so does an event that is counted for somebody who is there.
    After a rebuild the answers are the same as before it, since nothing is answered until the views are complete.
    """

    def __init__(self, table: str) -> None:
        self._shards = Shards(table)
        self._is_open = False

    async def __call__(self, values: Sequence[Fact | EventsRecord]) -> Sequence[datetime | None]:
        """In the order of `values`. Raises `Incomplete` and whatever Redis' door raises; connects anew after that."""
        senders = [_sender(value) for value in values]
        people = sorted({sender for sender in senders if sender})
        found = dict(zip(people, await self._asked(people), strict=True)) if people else {}
        return [found.get(sender) if sender else None for sender in senders]

    async def close(self) -> None:
        """Let go of the connections."""
        self._is_open = False
        await self._shards.close()

    async def _asked(self, people: Sequence[UserId]) -> list[datetime | None]:
        if not self._is_open:
            await self._shards.open()
        self._is_open = False  # until it has answered
        epochs = await self._shards.ask_everywhere(("GET", projections.EPOCH))
        found = await self._shards.ask([("HGET", projections.profile(user), "erased_at") for user in people])
        self._is_open = True
        if [None] in epochs:
            raise Incomplete("views are being rebuilt; expected them to be complete")
        return [datetime.fromisoformat(at) if at else None for at in found]


def _sender(value: Fact | EventsRecord) -> UserId | None:
    """Of an anonymous id nothing is known, and of an app's own name for a person neither."""
    return UserId(value.key) if isinstance(value, EventsRecord) and _ID.fullmatch(value.key) else None
