"""Traffic as an open model: batches leave on schedule whatever the answers take, each from someone who is idle.

So everyone is a sequential client, and one person's events have an order to be kept, however slow the server is. Bare
sockets: the generator shares two cores with what it measures.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import msgspec

from bench.traffic import WRITE_KEY, event
from tests.faults.ledger import Ledger

PATIENCE_S = 15.0  # then a phone gives up; the SDKs wait 10 to 15 s
AGAIN_S = 0.2
HEAD = (
    "POST /v1/batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    f"x-write-key: {WRITE_KEY}\r\ncontent-length: "
).encode()
ANSWERED = msgspec.json.Decoder(dict[str, Any])


@dataclass(slots=True)
class Took:
    """One answer: when it was due (monotonic), how long after that it came, and what it said."""

    due: float
    seconds: float
    status: int
    spooled: bool


@dataclass
class Phones:
    """Posts to one collector; further people join when all are waiting."""

    port: int
    ledger: Ledger = field(default_factory=Ledger)
    people: int = 40
    size: int = 10
    patient: bool = True  # asks again, as the SDKs do, when it was turned away for load, hence before anything was kept
    turned_away: int = 0  # requests
    took: list[Took] = field(default_factory=list)
    _idle: "deque[Person]" = field(default_factory=deque)
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def post(self, per_second: float, until: Callable[[], bool]) -> None:
        """So many batches per second until it is time to stop and everything is answered."""
        run, began, sent = uuid4().hex[:8], time.monotonic(), 0
        self._idle.extend(Person(f"phone-{run}-{n}", self.port) for n in range(self.people))
        while not until():
            due = began + sent / per_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sent += 1
            self.ledger.late_s.append(max(0.0, time.monotonic() - due))
            person = self._idle.popleft() if self._idle else Person(f"phone-{run}-{uuid4()}", self.port)
            task = asyncio.create_task(self._batch(person, due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await asyncio.gather(*self._tasks)
        for person in self._idle:
            person.hang_up()
        self._idle.clear()

    async def _batch(self, person: "Person", due: float) -> None:
        batch = [event(person.key) for _ in range(self.size)]
        body = self.ledger.body(person.key, batch)
        status, told = await person.post(body)
        while self.patient and told.get("code") == "overloaded":
            self.turned_away += 1
            await asyncio.sleep(AGAIN_S)
            status, told = await person.post(body)
        self.took.append(Took(due, time.monotonic() - due, status, told.get("durability") == "spool"))
        self.ledger.answered([one["messageId"] for one in batch], status, told.get("results", []))
        self._idle.append(person)

    async def loops(self, seconds: float) -> float:
        """Everyone posts without a pause (a closed loop); answered batches per second."""
        until = time.monotonic() + seconds

        async def loop(person: Person) -> None:
            while time.monotonic() < until:
                await self._batch(person, time.monotonic())
            person.hang_up()

        await asyncio.gather(*(loop(Person(f"phone-{uuid4()}", self.port)) for _ in range(self.people)))
        self._idle.clear()
        return len(self.took) / seconds

    def share_accepted(self) -> float:
        """Of the answered and unanswered batches."""
        return sum(one.status == 200 for one in self.took) / len(self.took)

    def took_s(self, share: float, since: float = 0.0, until: float = float("inf")) -> float:
        """The time within which so large a share of the batches due in between was answered."""
        found = sorted(one.seconds for one in self.took if since <= one.due < until)
        return found[min(len(found) - 1, int(len(found) * share))]


@dataclass
class Person:
    """One connection, kept open between batches."""

    key: str
    port: int
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and answer; 0 and nothing when the connection broke or nobody answered in time."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._posted(body)
        except (OSError, EOFError, TimeoutError):
            self.hang_up()
            return 0, {}

    async def _posted(self, body: bytes) -> tuple[int, dict[str, Any]]:
        if self._streams is not None and self._streams[0].at_eof():  # the server keeps nobody's idle connection
            self.hang_up()
        reader, writer = self._streams = self._streams or await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(HEAD + str(len(body)).encode() + b"\r\n\r\n" + body)
        said = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(said.split(b"content-length: ")[1].split(b"\r\n")[0])
        answer = await reader.readexactly(length)
        if b"connection: close" in said:
            self.hang_up()
        return int(said[9:12]), ANSWERED.decode(answer)

    def hang_up(self) -> None:
        """Closes the connection, if it is open."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
