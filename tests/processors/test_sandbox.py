import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import psutil
import pytest
from PIL import Image

from processors.rules.film import Developed, Spoiled, develop
from processors.sandbox import FilmError, Sandbox
from tests import photographs as pictures
from tests.waiting import eventually

FILM = "darkroom-400"
PATIENT_S = 100.0  # catches a hang; a busy machine takes ten seconds for one of work


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(timeout_s=PATIENT_S)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def a_slow_photo() -> bytes:
    """A second of CPU: ten scans of 48 MP, none of them easy. Hardly anything slower passes the header."""
    noise = Image.effect_noise((8000, 6000), 60).convert("RGB")
    return pictures.jpeg(noise, quality=60, progressive=True, subsampling=0)


async def busy(sandbox: Sandbox, than: frozenset[int] = frozenset()) -> int:
    """The pid of a child other than those in `than`, a little after it was given its photo."""
    async with asyncio.timeout(PATIENT_S):
        while not sandbox.pids - than:  # noqa: ASYNC110 - nothing tells when a child starts
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    return next(iter(sandbox.pids - than))


async def test_it_develops_what_the_pure_film_develops(sandbox: Sandbox) -> None:
    original = pictures.portrait()

    assert await sandbox.develop(original, FILM) == develop(original, FILM)


async def test_the_day_is_stamped(sandbox: Sandbox) -> None:
    original, day = pictures.portrait(), date(2026, 11, 21)

    assert await sandbox.develop(original, "keepsake-200", day) == develop(original, "keepsake-200", day)


async def test_what_the_film_refuses_is_refused(sandbox: Sandbox) -> None:
    assert await sandbox.develop(pictures.junk(), FILM) == Spoiled("not_an_image")


async def test_one_child_serves_one_photo_after_another(sandbox: Sandbox) -> None:
    await sandbox.develop(pictures.landscape(), FILM)
    first = sandbox.pids
    await sandbox.develop(pictures.flower(), FILM)

    assert sandbox.pids == first
    assert len(first) == 1


async def test_a_child_is_replaced_after_its_share_of_photos() -> None:
    sandbox = Sandbox(timeout_s=PATIENT_S, photos_per_child=2)
    seen = set[int]()
    for _ in range(4):
        assert isinstance(await sandbox.develop(pictures.landscape(), FILM), Developed)
        seen |= sandbox.pids
    await sandbox.close()

    assert len(seen) == 2


async def test_photos_that_come_together_are_not_mixed_up() -> None:
    sandbox = Sandbox(timeout_s=PATIENT_S, workers=2)
    originals = [pictures.portrait(), pictures.landscape(), pictures.flower(), pictures.junk()] * 2

    outcomes = await asyncio.gather(*(sandbox.develop(original, FILM) for original in originals))

    assert outcomes == [develop(original, FILM) for original in originals]
    assert len(sandbox.pids) == 2
    await sandbox.close()


async def test_a_child_killed_once_costs_nothing(sandbox: Sandbox, a_slow_photo: bytes) -> None:
    """Someone else's kill (a restart, the memory killer) is not the photo's fault: a fresh child tries again."""
    photo = asyncio.create_task(sandbox.develop(a_slow_photo, FILM))
    os.kill(await busy(sandbox), signal.SIGKILL)

    assert isinstance(await photo, Developed)


async def test_a_photo_that_kills_two_children_is_spoiled_and_the_next_develops(
    sandbox: Sandbox, a_slow_photo: bytes
) -> None:
    photo = asyncio.create_task(sandbox.develop(a_slow_photo, FILM))
    first = await busy(sandbox)
    os.kill(first, signal.SIGSEGV)
    os.kill(await busy(sandbox, than=frozenset({first})), signal.SIGSEGV)

    assert await photo == Spoiled("film_crashed")
    assert isinstance(await sandbox.develop(pictures.landscape(), FILM), Developed)


async def test_a_child_that_died_idle_is_not_noticed(sandbox: Sandbox) -> None:
    await sandbox.develop(pictures.landscape(), FILM)
    (pid,) = sandbox.pids
    os.kill(pid, signal.SIGKILL)

    assert isinstance(await sandbox.develop(pictures.landscape(), FILM), Developed)


async def test_a_photo_that_needs_too_much_cpu_is_spoiled_at_once(a_slow_photo: bytes) -> None:
    sandbox = Sandbox(timeout_s=PATIENT_S, cpu_s=0)  # to the next whole second: the kernel counts no finer
    start = time.monotonic()

    assert await sandbox.develop(a_slow_photo, FILM) == Spoiled("film_timeout")
    assert isinstance(await sandbox.develop(pictures.landscape(), FILM), Developed)
    assert time.monotonic() - start < PATIENT_S  # quiet, it is 3
    await sandbox.close()


async def test_it_waits_for_an_exit_status_that_is_later_than_the_closed_pipe(
    a_slow_photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a busy machine. `Popen.kill` polls: too early, it takes the status, and the photo counts as a crash."""
    waitpid = os.waitpid  # Popen has a reference of its own

    def late(pid: int, options: int) -> tuple[int, int]:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        time.sleep(0.3)
        return waitpid(pid, options)

    monkeypatch.setattr(os, "waitpid", late)
    sandbox = Sandbox(timeout_s=PATIENT_S, cpu_s=0)

    assert await sandbox.develop(a_slow_photo, FILM) == Spoiled("film_timeout")
    await sandbox.close()


async def test_the_loop_turns_while_a_photo_hangs_and_is_given_up(a_slow_photo: bytes) -> None:
    sandbox = Sandbox(timeout_s=3)
    photo = asyncio.create_task(sandbox.develop(a_slow_photo, FILM))
    longest, last = 0.0, time.monotonic()
    while not photo.done():
        for pid in sandbox.pids:
            os.kill(pid, signal.SIGSTOP)  # so that it hangs on any machine
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()

    assert photo.result() == Spoiled("film_timeout")
    assert longest < 2  # of two attempts of three seconds each
    await sandbox.close()


async def test_a_stalled_child_is_given_up_and_another_asked() -> None:
    """A frozen process, as a suspended laptop leaves behind, is not the photo's fault either."""
    sandbox = Sandbox(timeout_s=3)
    await sandbox.develop(pictures.landscape(), FILM)
    (stalled,) = sandbox.pids
    os.kill(stalled, signal.SIGSTOP)

    assert isinstance(await sandbox.develop(pictures.landscape(), FILM), Developed)
    assert not psutil.pid_exists(stalled)
    await sandbox.close()


async def test_a_photo_that_needs_too_much_memory_is_spoiled_and_the_child_lives(a_slow_photo: bytes) -> None:
    sandbox = Sandbox(timeout_s=PATIENT_S, headroom_bytes=70 << 20)
    large = pictures.saved(Image.new("I;16", (8000, 6000)), "PNG", compress_level=1)

    assert await sandbox.develop(large, FILM) == Spoiled("too_much_memory")
    assert await sandbox.develop(a_slow_photo, FILM) == Spoiled("damaged")  # libjpeg does not say that it was memory
    (pid,) = sandbox.pids
    assert isinstance(await sandbox.develop(pictures.a_camera_photo(), FILM), Developed)
    assert sandbox.pids == {pid}
    await sandbox.close()


async def test_a_large_png_needs_little_memory_for_it_comes_in_strips() -> None:
    """Its pixels alone are 96 MB."""
    sandbox = Sandbox(timeout_s=PATIENT_S, headroom_bytes=70 << 20)
    large = pictures.saved(Image.new("RGB", (6000, 4000), "navy"), "PNG", compress_level=1)

    assert isinstance(await sandbox.develop(large, FILM), Developed)
    await sandbox.close()


async def test_a_cancelled_photo_leaves_no_answer_behind(sandbox: Sandbox, a_slow_photo: bytes) -> None:
    photo = asyncio.create_task(sandbox.develop(a_slow_photo, FILM))
    await busy(sandbox)
    photo.cancel()
    with pytest.raises(asyncio.CancelledError):
        await photo

    assert await sandbox.develop(pictures.flower(), FILM) == develop(pictures.flower(), FILM)


async def test_a_mistake_in_the_film_is_raised_with_the_childs_traceback(sandbox: Sandbox) -> None:
    with pytest.raises(FilmError, match="KeyError: 'kodachrome'"):
        await sandbox.develop(pictures.landscape(), "kodachrome")

    assert isinstance(await sandbox.develop(pictures.landscape(), FILM), Developed)


async def test_a_child_that_cannot_start_is_nobodys_photo(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/bin/false")
        with pytest.raises(OSError, match="before it was ready"):
            await sandbox.develop(pictures.landscape(), FILM)

    assert isinstance(await sandbox.develop(pictures.landscape(), FILM), Developed)


async def test_a_child_knows_no_secret_and_writes_no_file(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_SECRET_KEY", "do not tell")
    await sandbox.develop(pictures.landscape(), FILM)
    (pid,) = sandbox.pids

    assert "S3_SECRET_KEY" not in psutil.Process(pid).environ()
    assert psutil.Process(pid).rlimit(psutil.RLIMIT_FSIZE)[0] == 0
    assert psutil.Process(pid).rlimit(psutil.RLIMIT_AS)[0] < 1 << 30


async def test_a_child_leaves_the_signals_of_its_group_to_its_parent(sandbox: Sandbox) -> None:
    await sandbox.develop(pictures.landscape(), FILM)
    (pid,) = sandbox.pids
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    await asyncio.sleep(0.1)

    await sandbox.develop(pictures.flower(), FILM)
    assert sandbox.pids == {pid}


async def test_closing_is_quick_and_leaves_no_process(sandbox: Sandbox, a_slow_photo: bytes) -> None:
    photo = asyncio.create_task(sandbox.develop(a_slow_photo, FILM))
    pid = await busy(sandbox)
    os.kill(pid, signal.SIGSTOP)  # who waited for its answer would wait for ever
    photo.cancel()
    start = time.monotonic()
    await asyncio.gather(photo, return_exceptions=True)
    await sandbox.close()

    assert time.monotonic() - start < 20
    assert not psutil.pid_exists(pid)


def ended(process: psutil.Process) -> bool:
    """True for a zombie too: a container's first process may not reap what is not its own."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


PARENT = """
import asyncio, sys
from pathlib import Path
from processors.sandbox import Sandbox
async def main():
    sandbox = Sandbox()
    await sandbox.develop(b"junk", "darkroom-400")
    print(*sandbox.pids, flush=True)
    original = Path(sys.argv[1]).read_bytes()
    while original:
        await sandbox.develop(original, "darkroom-400")
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("working", [True, False])
def test_the_child_dies_with_a_parent_that_is_killed(working: bool, tmp_path: Path, a_slow_photo: bytes) -> None:
    original = tmp_path / "original"
    original.write_bytes(a_slow_photo if working else b"")
    parent = subprocess.Popen([sys.executable, "-c", PARENT, original], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.5)
    child.suspend()  # so that it cannot notice the closed pipe: only the signal ends it

    parent.kill()
    parent.wait()
    parent.stdout.close()

    eventually(lambda: ended(child), within_s=30)
