"""Develops photos in a child process, because their bytes come from strangers and decoders are written in C.

A child is started with nothing but a pipe in and a pipe out, takes photos one after another, and is replaced after
`PHOTOS_PER_CHILD`, after a crash and after a timeout. It has no secrets in its environment, cannot write files, has
`HEADROOM_BYTES` of memory and `CPU_S` of CPU per photo, ignores the signals that stop its parent, and dies with it: of
the parent-death signal on Linux, of the closed pipe elsewhere.

Whose fault is it? A child that runs out of CPU, or two in a row that die or stall over the same photo, spoil the photo.
A child that cannot even start raises `OSError`, which a caller retries: no photo is judged by it. Why not
`ProcessPoolExecutor`: one crash fails every photo in the pool, and it does not tell how a child died.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from datetime import date
from pathlib import Path

import msgspec

from processors.child import Answer, Failed
from processors.rules.film import Developed, Spoiled

TIMEOUT_S = 10.0  # by the clock, for one attempt; a stalled machine is not the photo's fault, so there is a second
CPU_S = 5  # the slowest photo that passes the header takes 2; a bomb must not hold its partition for long
HEADROOM_BYTES = 512 << 20  # over what a warm child has mapped; 50 MP take 20 MB, 285 when progressive: docs/adr/0011
PHOTOS_PER_CHILD = 500  # so that a leak in a decoder stays small; a start costs 0.5 s
START_S = 30.0  # 0.5 s on a quiet machine
EXIT_S = 5.0  # from closed pipes to the exit status; under a millisecond on a quiet machine
LARGEST_ANSWER = 64 << 20  # three JPEGs take 2 MB; what a captured child sends is not trusted either

# Pillow's arena kept between photos: 10 % less CPU (bench/film.py).
PILLOW = {"PILLOW_BLOCKS_MAX": "16", "PILLOW_BLOCK_SIZE": "1m"}
HOME = Path(__file__).parents[1]


class FilmError(Exception):
    """The film itself raised: a mistake of ours with this photo, for the dead letters. Holds the child's traceback."""


class _Suspect(msgspec.Struct, frozen=True):
    """The child died or stalled without telling whose fault it was; `reason` if it happens again."""

    reason: str


_ANSWERS: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


class Sandbox:
    """`workers` children at most; they start with their first photo. Belongs to one event loop."""

    def __init__(
        self,
        workers: int = 1,
        timeout_s: float = TIMEOUT_S,
        cpu_s: int = CPU_S,
        headroom_bytes: int = HEADROOM_BYTES,
        photos_per_child: int = PHOTOS_PER_CHILD,
    ) -> None:
        self._timeout_s = timeout_s
        self._limits = (cpu_s, headroom_bytes)
        self._photos_per_child = photos_per_child
        self._turn = asyncio.Semaphore(workers)
        self._idle: deque[_Child] = deque()
        self._alive: set[_Child] = set()

    @property
    def pids(self) -> frozenset[int]:
        """The children that live now, for a test or an operator."""
        return frozenset(child.pid for child in self._alive)

    async def develop(self, original: bytes, film: str, day: date | None = None) -> Developed | Spoiled:
        """`processors.rules.film.develop`, whatever the bytes do. May be cancelled; twice gives the same answer.

        Raises `OSError` when no child can be started (try again), `FilmError` when the film has a mistake.
        """
        async with self._turn:
            request = msgspec.msgpack.encode((film, day, original))
            outcome = await self._attempt(self._idle.popleft() if self._idle else await self._start(), request)
            if isinstance(outcome, _Suspect):
                outcome = await self._attempt(await self._start(), request)
        return Spoiled(outcome.reason) if isinstance(outcome, _Suspect) else outcome

    async def close(self) -> None:
        """Ends all children at once; a photo under development is given up."""
        self._idle.clear()
        await asyncio.gather(*(self._discard(child) for child in tuple(self._alive)))

    async def _attempt(self, child: "_Child", request: bytes) -> Developed | Spoiled | _Suspect:
        """Whatever comes of it, `child` is afterwards idle and sound, or gone."""
        answer: Answer | _Suspect = _Suspect("film_crashed")
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await child.ask(request)
        except TimeoutError:
            answer = _Suspect("film_timeout")
        except (OSError, EOFError, msgspec.DecodeError):
            pass
        finally:  # also when cancelled: an answer that nobody read would be taken for the next photo's
            await self._put_back(child, sound=not isinstance(answer, _Suspect))
        if isinstance(answer, Failed):
            raise FilmError(answer.traceback)
        return Spoiled("film_timeout") if child.ran_out_of_cpu else answer

    async def _put_back(self, child: "_Child", sound: bool) -> None:
        if sound and child.photos < self._photos_per_child:
            self._idle.append(child)
        else:
            await self._discard(child)

    async def _start(self) -> "_Child":
        child = await _Child.start(*self._limits)
        self._alive.add(child)
        return child

    async def _discard(self, child: "_Child") -> None:
        self._alive.discard(child)
        await child.end()


class _Child:
    """One process of `processors.child` and its two pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018 - asked for in `start`
        self._process, self._in, self._out = process, process.stdin, process.stdout
        self.pid = process.pid
        self.photos = 0

    @classmethod
    async def start(cls, cpu_s: int, headroom_bytes: int) -> "_Child":
        """A child that has loaded the film and locked itself in; `OSError` when it does not get there."""
        arguments = ["-P", "-m", "processors.child", str(os.getpid()), str(cpu_s), str(headroom_bytes)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": str(HOME), "LANG": "C.UTF-8", **PILLOW},  # nothing else: our environment holds secrets
            limit=1 << 20,
        )
        child, ready = cls(process), False
        try:
            async with asyncio.timeout(START_S):
                await child._frame()
            ready = True
        except EOFError as error:
            raise OSError("the film's child process ended before it was ready; its own words are above") from error
        finally:
            if not ready:
                await child.end()
        return child

    @property
    def ran_out_of_cpu(self) -> bool:
        """True once it has ended and the kernel ended it for that."""
        return self._process.returncode == -signal.SIGXCPU

    async def ask(self, request: bytes) -> Answer:
        """Has one photo developed; `OSError` or `EOFError` when the child dies of it."""
        self.photos += 1
        self._in.write(len(request).to_bytes(4) + request)
        await self._in.drain()
        return _ANSWERS.decode(await self._frame())

    async def _frame(self) -> bytes:
        length = int.from_bytes(await self._out.readexactly(4))
        if length > LARGEST_ANSWER:
            raise EOFError(f"the child's answer has {length} bytes; expected at most {LARGEST_ANSWER}")
        return await self._out.readexactly(length)

    async def end(self) -> None:
        """Gone when this returns; it holds nothing that a SIGKILL could hurt."""
        try:
            if self._out.at_eof() or self._in.is_closing():
                await self._exit()
        finally:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            await self._process.communicate()

    async def _exit(self) -> None:
        """Waits for the status of a child that closed its pipes; one that lives on is not waited for long.

        `kill` polls: at this moment it would take the status away from asyncio's watcher, which then reports 255, and
        nobody would know that the child ran out of CPU.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXIT_S):
                await self._process.wait()
