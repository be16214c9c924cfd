"""Starts, watches and stops the programs of a stack under supervisord, which restarts whatever ends."""

import hashlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from supervisor.xmlrpc import Faults, SupervisorTransport

from local.programs import FILLED, PARTS, ROOMS, Program, environment
from local.stack import MARK, ROOT, Stack

MAX_SOCKET_PATH = 90  # bytes; the kernel allows 108 (macOS 104), and supervisord appends its pid for a moment
STOP_S = 60.0  # all programs together; each has its own, shorter time


class SupervisionError(RuntimeError):
    """The supervisor did not do what it was asked; the message says what and where to look."""


class Status(msgspec.Struct, frozen=True):
    """How one program is."""

    name: str
    state: str  # supervisor's: STOPPED STARTING RUNNING BACKOFF STOPPING EXITED FATAL
    pid: int
    uptime_s: int


def socket_path(stack: Stack) -> Path:
    """Where supervisord listens: the run folder, or a short temporary path when that is too long for a socket."""
    path = stack.run / "supervisor.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    short = hashlib.sha256(os.fsencode(stack.folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"darkroom-{short}.sock"


def config(stack: Stack, programs: Iterable[Program]) -> str:
    """Configuration of the supervisor; programs stop in the reverse of the order given."""
    sections = [
        _section("unix_http_server", file=socket_path(stack), chmod="0700"),
        _section(
            "supervisord",
            pidfile=stack.run / "supervisord.pid",
            logfile=stack.log / "supervisord.log",
            logfile_maxbytes="5MB",
            logfile_backups=1,
            childlogdir=stack.log,
            directory=ROOT,
            minfds=1024,
        ),
        _section(
            "rpcinterface:supervisor",
            **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        *(_program(stack, program, order) for order, program in enumerate(programs, start=1)),
    ]
    return "\n".join(sections)


def _program(stack: Stack, program: Program, order: int) -> str:
    return _section(
        f"program:{program.name}",
        command=shlex.join(program.argv),
        priority=order,
        autostart="false",  # `up` starts them in order, each once the one before it answers
        autorestart="true",
        startsecs=1,  # a program that dies sooner is retried after 1, 2, 3 ... s; one that dies later at once
        startretries=1_000_000,  # for ever: parts may come up in any order
        stopwaitsecs=program.stop_s,
        stopasgroup="true",
        killasgroup="true",
        redirect_stderr="true",
        stdout_logfile=stack.log / f"{program.name}.log",
        stdout_logfile_maxbytes="20MB",
        stdout_logfile_backups=1,
    )


def _section(name: str, **values: object) -> str:
    """One section; `%` is supervisor's own sign and must be doubled."""
    lines = (f"{key}={str(value).replace('%', '%%')}" for key, value in values.items())
    return "\n".join([f"[{name}]", *lines, ""])


def boot(stack: Stack, programs: Iterable[Program]) -> None:
    """The supervisor runs with exactly these programs; it starts none, and begins anew when a setting has changed."""
    text = config(stack, programs)
    stamp, wanted = stack.run / "stamp", _digest(stack, text)
    if running(stack):
        if stamp.exists() and stamp.read_text() == wanted:
            return
        shutdown(stack)
    sweep(stack)
    (stack.run / "supervisord.conf").write_text(text)
    _spawn(stack)
    stamp.write_text(wanted)


def _digest(stack: Stack, text: str) -> str:
    """Of all that a running program has read and would not notice: our configuration, its settings, the env file."""
    files = [path.read_text() for path in sorted(stack.run.glob("*.*")) if path.name in FILLED]
    return hashlib.sha256(repr((text, files, dict(stack.given))).encode()).hexdigest()


def _spawn(stack: Stack) -> None:
    """It leaves our session and lives on; its own environment is what the programs get."""
    argv = (sys.executable, "-m", "supervisor.supervisord", "-c", str(stack.run / "supervisord.conf"))
    made = subprocess.run(argv, cwd=ROOT, env=environment(stack), capture_output=True, text=True, check=False)
    deadline = time.monotonic() + 10
    while not running(stack):
        if made.returncode != 0 or time.monotonic() > deadline:
            said = f"{made.stdout}{made.stderr}see {stack.log / 'supervisord.log'}"
            raise SupervisionError(f"supervisord did not start:\n{said}")
        time.sleep(0.05)


@contextmanager
def _asking(stack: Stack) -> Iterator[Any]:
    """Remote procedures of the supervisor; `OSError` when nobody listens."""
    transport = SupervisorTransport(serverurl=f"unix://{socket_path(stack)}")
    try:
        yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
    finally:
        transport.close()


def running(stack: Stack) -> bool:
    """Whether supervisord answers."""
    try:
        with _asking(stack) as supervisor:
            return bool(supervisor.getState()["statename"] == "RUNNING")
    except (OSError, xmlrpc.client.Error):
        return False


def statuses(stack: Stack) -> dict[str, Status]:
    """Program name -> how it is; empty when the stack is down."""
    try:
        with _asking(stack) as supervisor:
            return {info["name"]: _status(info) for info in supervisor.getAllProcessInfo()}
    except OSError:
        return {}


def _status(info: dict[str, Any]) -> Status:
    uptime = info["now"] - info["start"] if info["statename"] == "RUNNING" else 0
    return Status(info["name"], info["statename"], info["pid"], uptime)


def start(stack: Stack, name: str) -> None:
    """Asks for the program; returns at once. Called twice: the same."""
    with _asking(stack) as supervisor, _tolerating(Faults.ALREADY_STARTED):
        supervisor.startProcess(name, False)


def stop(stack: Stack, name: str) -> None:
    """Stops the program and waits until it has ended. Called twice: the same."""
    with _asking(stack) as supervisor, _tolerating(Faults.NOT_RUNNING):
        supervisor.stopProcess(name)


def pid(stack: Stack, name: str) -> int:
    """Process id of a program, 0 while it does not run."""
    with _asking(stack) as supervisor:
        return int(supervisor.getProcessInfo(name)["pid"])


@contextmanager
def _tolerating(code: int) -> Iterator[None]:
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode != code:
            raise SupervisionError(fault.faultString) from fault


def shutdown(stack: Stack) -> None:
    """Stops the rooms, then the parts they drain into, then the supervisor; no process of the stack is left."""
    with suppress(OSError, xmlrpc.client.Error):
        _stop_together(stack, ROOMS)
        _stop_together(stack, PARTS)
        with _asking(stack) as supervisor:
            supervisor.shutdown()
        _until(lambda: not (stack.run / "supervisord.pid").exists())  # it removes the file last
    sweep(stack)


def _stop_together(stack: Stack, names: Iterable[str]) -> None:
    """Each has its own time to end; all together take as long as the slowest."""
    known = [name for name in names if name in statuses(stack)]
    with _asking(stack) as supervisor:
        for name in known:
            with _tolerating(Faults.NOT_RUNNING):
                supervisor.stopProcess(name, False)
    _until(lambda: not any(status.pid for name, status in statuses(stack).items() if name in known))


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STOP_S
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)


def sweep(stack: Stack) -> None:
    """Ends what a killed supervisord has orphaned: processes with the stack's mark, where /proc shows them."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 10
        while (left := marked(stack)) and time.monotonic() < deadline:
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process, sign)
            time.sleep(0.2)


def marked(stack: Stack) -> list[int]:
    """Process ids that carry the stack's mark, without ourselves and those who called us."""
    mark = f"{MARK}={stack.folder}".encode()
    return [process for process in _processes() if mark in _environ(process) and process not in _us()]


def _processes() -> list[int]:
    proc = Path("/proc")
    return [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()] if proc.is_dir() else []


def _environ(process: int) -> list[bytes]:
    try:
        return Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return []  # it has ended, or is another user's


def _us() -> set[int]:
    found, process = set[int](), os.getpid()
    while process > 1:
        found.add(process)
        process = _parent(process)
    return found


def _parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
