"""The sandbox's other end: a process that develops the photos its parent sends, locked in before the first.

`python -m processors.child <parent's pid> <seconds of CPU per photo> <bytes of memory>`. A frame is four bytes of
length, big-endian, and that many bytes of msgpack; an empty one says that the child is ready.
"""

import ctypes
import io
import math
import os
import resource
import signal
import sys
import time
import traceback
from datetime import date
from pathlib import Path
from typing import BinaryIO

import msgspec

from processors.rules import film
from processors.rules.film import Developed, Spoiled

PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The child's way to say that the film raised."""

    traceback: str


Request = tuple[str, date | None, bytes]  # film, day to stamp, original
Answer = Developed | Spoiled | Failed


def main(parent: int, cpu_s: int, headroom_bytes: int) -> None:
    """Answers photos until the parent closes the pipe."""
    _die_with(parent)
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group; the parent decides when we end
        signal.signal(number, signal.SIG_IGN)
    answers = io.FileIO(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not speak into the pipe
    film.load()
    _lock_in(headroom_bytes)
    _send(answers, b"")
    _allow_cpu(cpu_s)
    while request := _received(sys.stdin.buffer):
        name, day, original = msgspec.msgpack.decode(request, type=Request)
        _send(answers, msgspec.msgpack.encode(_answer(name, day, original)))
        _allow_cpu(cpu_s)  # now, not with the next photo: reading that one must not use up what this one left


def _answer(name: str, day: date | None, original: bytes) -> Answer:
    try:
        return film.develop(original, name, day)
    except MemoryError:
        return Spoiled("too_much_memory")
    except Exception:  # the pure phase of this processor: whatever it raises belongs to this photo, see log.md
        return Failed(traceback.format_exc())


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it went between our start and the line above
        sys.exit(1)


def _lock_in(headroom_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + headroom_bytes, mapped + headroom_bytes))


def _allow_cpu(cpu_s: int) -> None:
    """From now; at the limit the kernel sends SIGXCPU, which ends us."""
    used_s = math.ceil(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (used_s + cpu_s, resource.RLIM_INFINITY))


def _received(pipe: BinaryIO) -> bytes:
    """The next frame; empty when the parent has closed the pipe."""
    return pipe.read(int.from_bytes(pipe.read(4)))


def _send(pipe: io.FileIO, body: bytes) -> None:
    frame = memoryview(len(body).to_bytes(4) + body)
    while frame:
        frame = frame[pipe.write(frame) :]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
