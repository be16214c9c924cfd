"""Whether one more request may begin. Who may not hears so at once, with Retry-After, before its body is read.

Batches are shed last: a command may fill only a part of a turn, and after a batch was shed none begins for a while.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal

from starlette.types import Message, Receive

from ingest.rules import gradient
from ingest.telemetry import Telemetry
from schemas.problems import refusal
from schemas.telemetry import HELD_BYTES, INFLIGHT, SHED, TURN_LIMIT

Class = Literal["batch", "command"]

MOST_BYTES = 64_000_000  # of bodies that are read or wait to be stored; beyond it a body is not read on
SMALL_BYTES = 64_000  # as much as waits in a connection's buffer anyway
MOST_COMMANDS = 512  # that wait for Redis, S3 or the log
COMMANDS_SHARE = 0.5  # of a turn's limit
LOCKED_S = 1.0  # so long after a batch was shed no command begins
RETRY_AFTER_S = 1


class Admission:
    """Of one worker. A turn of the loop is measured from the first request it begins to the next turn's start.

    It is measured in the thread's own CPU time: what other processes take of the machine makes nobody wait for us. When
    they leave us less than comes, more comes in a turn, and that is seen. Asking for it can take 6 us, so only a turn
    after a long one is measured so; of the others wall time says that they were short.
    """

    def __init__(
        self, telemetry: Telemetry, wall: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:  # fmt: skip
        self._telemetry = telemetry
        self._wall, self._cpu = wall, cpu
        self._limit, self._longest_s = gradient.MOST, gradient.LONGEST_S
        self._turning = False
        self._began = 0.0  # the turn, by `wall`
        self._waiting_since: float | None = None  # when the first of the long turns in a row began
        self._began_cpu: float | None = None
        self._measured = False  # the next turn is to be
        self._begun = 0  # requests in this turn
        self._coming = 0  # batches whose heads were read in it, for the next
        self._inflight: dict[Class, int] = {"batch": 0, "command": 0}
        self._locked_until = 0.0
        self._shed: Counter[Class] = Counter()
        self.held = 0  # bytes

    def begin(self, kind: Class) -> bool:
        """Whether such a request may begin; then `end` is called for it, whatever becomes of it."""
        if not self._turning:
            self._turn()
        if self._begun >= self._limit or self._too_long() or (kind == "command" and not self._command_may()):
            self.shed(kind)
            return False
        self._begun += 1
        self._inflight[kind] += 1
        return True

    def comes(self) -> bool:
        """Whether one more batch may wait for the next turn, where it may `begin`; free while nothing is limited."""
        if self._limit == gradient.MOST:
            return True
        self._coming += 1
        return self._coming <= self._limit

    def shed(self, kind: Class) -> None:
        """One was refused."""
        self._shed[kind] += 1
        if kind == "batch":
            self._locked_until = self._wall() + LOCKED_S

    def end(self, kind: Class) -> None:
        """It was answered."""
        self._inflight[kind] -= 1

    def _too_long(self) -> bool:
        if self._began_cpu is None or self._wall() - self._began <= self._longest_s:
            return False
        return self._cpu() - self._began_cpu > self._longest_s

    def _command_may(self) -> bool:
        most = self._limit * COMMANDS_SHARE
        return self._begun < most and self._inflight["command"] < MOST_COMMANDS and self._wall() >= self._locked_until

    def _turn(self) -> None:
        self._turning, self._began = True, self._wall()
        self._began_cpu = self._cpu() if self._measured else None
        asyncio.get_running_loop().call_soon(self._turned)

    def _turned(self) -> None:
        turn_s = self._wall() - self._began
        self._measured = turn_s > gradient.TARGET_S
        if self._measured and self._began_cpu is not None:
            turn_s = self._cpu() - self._began_cpu
        if turn_s <= gradient.TARGET_S:
            self._waiting_since = None
        else:
            self._waiting_since = self._waiting_since or self._began
            asyncio.get_running_loop().call_soon(self._passed)
        if self._began_cpu is not None or not self._measured:
            standing_s = self._began - (self._waiting_since or self._began)
            self._limit = gradient.after(self._limit, self._begun, turn_s, standing_s)
            self._longest_s = gradient.longest_s(self._limit)
        self._turning, self._begun, self._coming = False, 0, 0

    def _passed(self) -> None:
        """One more turn of the loop after a long one of ours: when nothing began in it, nobody had been waiting.

        Wall time would not tell: between two turns of ours the loop writes the answers that Kafka has brought.
        """
        if not self._turning:
            self._waiting_since = None

    def hold(self, size: int) -> None:
        """So many bytes more are in memory; refused beyond `MOST_BYTES`. Given back with `release`."""
        if self.held + size > MOST_BYTES:
            self.shed("batch")
            raise refusal("overloaded", "too many bodies are in memory", retry_after_s=RETRY_AFTER_S)
        self.held += size

    def release(self, size: int) -> None:
        """They are no longer."""
        self.held -= size

    def tell(self) -> None:
        """Brings the metrics up to date; not with every request, since that would cost more than all the rest here."""
        for kind, count in self._shed.items():
            self._telemetry.count(SHED, count, **{"room": "ingest", "class": kind})
        self._shed.clear()
        self._telemetry.level(INFLIGHT, sum(self._inflight.values()), room="ingest")
        self._telemetry.level(TURN_LIMIT, self._limit, room="ingest")
        self._telemetry.level(HELD_BYTES, self.held, room="ingest")


class Held:
    """One request's bytes in memory: what its `receiver` brings, and what that inflates to."""

    __slots__ = ("_admission", "_receive", "_size")

    def __init__(self, admission: Admission, receive: Receive) -> None:
        self._admission = admission
        self._receive = receive
        self._size = 0

    def receiver(self, named: Mapping[bytes, bytes]) -> Receive:
        """What to read the body with: a small one is counted once it is there, others piece by piece."""
        length = named.get(b"content-length", b"")
        small = length.isdigit() and int(length[:20]) <= SMALL_BYTES
        return self._receive if small else self._counted

    async def _counted(self) -> Message:
        """The next piece of the body, if there is room for it."""
        message = await self._receive()
        if piece := message.get("body"):
            self.expect(self._size + len(piece))
        return message

    def expect(self, size: int) -> None:
        """So much of it is in memory now, as it came or inflated; refused when there is no room."""
        if size > self._size:
            self._admission.hold(size - self._size)
            self._size = size

    def release(self) -> None:
        """The request is over."""
        self._admission.release(self._size)
