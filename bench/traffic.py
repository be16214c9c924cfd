"""Traffic that remembers what it was answered: phones that post batches at a steady rate, and their ledger.

The schedule does not wait for answers (an open model): a slow server gets the same load, not less. Used by the
exactly-once measurement and by the fault tests; only ever against the stack it is given, for a bounded time.
"""

import asyncio
import time
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import httpx

WRITE_KEY = "local-write-key"


@dataclass
class Ledger:
    """What became of every event sent: its id stands in exactly one of the three once traffic ended."""

    accepted: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)  # reset, timeout, 5xx: may or may not be in the log
    statuses: dict[int, int] = field(default_factory=dict)
    ack_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)  # scheduled against sent: the generator's own fault

    @property
    def sent(self) -> set[str]:
        """Every event id that left."""
        return self.accepted | self.refused | self.unknown

    def note(self, ids: list[str], answer: httpx.Response | None) -> None:
        """Files a batch under what it was answered; None when no answer came."""
        status = answer.status_code if answer is not None else 0
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if answer is None or status >= 500:
            self.unknown.update(ids)
        elif status == 200 and not answer.json()["results"]:
            self.accepted.update(ids)
        else:
            self.refused.update(ids)


async def post_batches(
    base_url: str, ledger: Ledger, *, per_second: float, seconds: float, size: int = 20, people: int = 40
) -> None:
    """Posts `per_second` batches of `size` events for `seconds`, whatever the answers take."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
    async with httpx.AsyncClient(base_url=base_url, timeout=15, limits=limits, auth=(WRITE_KEY, "")) as http:
        began, posts = time.monotonic(), set[asyncio.Task[None]]()
        for n in range(int(per_second * seconds)):
            due = began + n / per_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            ledger.late_s.append(time.monotonic() - due)
            task = asyncio.create_task(_post(http, ledger, f"person-{n % people}", size))
            posts.add(task)
            task.add_done_callback(posts.discard)
        await asyncio.gather(*posts)


async def _post(http: httpx.AsyncClient, ledger: Ledger, person: str, size: int) -> None:
    batch = [event(person) for _ in range(size)]
    ids = [one["messageId"] for one in batch]
    began = time.monotonic()
    try:
        answer = await http.post("/v1/batch", json={"batch": batch})
    except httpx.HTTPError:
        ledger.note(ids, None)
        return
    ledger.ack_s.append(time.monotonic() - began)
    ledger.note(ids, answer)


def event(person: str) -> dict[str, Any]:
    """A small, valid track event with an id of its own."""
    return {
        "type": "track",
        "event": "Photo Viewed",
        "userId": person,
        "messageId": token_hex(12),
        "properties": {"source": "bench", "depth": 3},
    }
