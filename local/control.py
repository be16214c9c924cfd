"""A stack's life: up, down, reset. Each may be called in any state, and twice."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from local import health, programs, recipes, supervision
from local.bootstrap import bootstrap
from local.cache import tail
from local.programs import PARTS, ROOMS
from local.stack import Stack

Say = Callable[[str], None]


def say_to_terminal(started: float) -> Say:
    """Lines with the seconds since `started` (monotonic)."""
    return lambda text: print(f"{time.monotonic() - started:6.1f} s  {text}", flush=True)


def tell(text: str) -> None:
    """The plain way to say something: one line."""
    print(f"  {text}", flush=True)


def up(stack: Stack, say: Say = tell, *, only_parts: bool = False) -> None:
    """Everything installed, running, answering and bootstrapped; what already is, is left alone."""
    supervision.boot(stack, (*programs.parts(stack, install(say)), *programs.rooms()))
    start(stack, PARTS, say)
    bootstrap(stack, say)
    if not only_parts:
        start(stack, ROOMS, say)


def install(say: Say = tell) -> dict[str, Path]:
    """Part name -> where it is installed; downloads and builds what the cache folder does not hold."""
    return recipes.install_all(lambda part, text: say(f"{part}: {text}"))


def start(stack: Stack, names: tuple[str, ...], say: Say = tell) -> None:
    """Started together; returns when all of them answer. `SupervisionError` where somebody else listens already."""
    running = supervision.statuses(stack)
    for name in names:
        if not (name in running and running[name].pid):
            health.expect_free(stack, name)
    for name in names:
        supervision.start(stack, name)
    health.wait(stack, names, say)


def restart(stack: Stack, names: tuple[str, ...], say: Say = tell) -> None:
    """Stopped in the reverse order, started again, answering."""
    for name in reversed(names):
        supervision.stop(stack, name)
    start(stack, names, say)


def down(stack: Stack, say: Say = tell) -> None:
    """No process of the stack is left; its data stays."""
    supervision.shutdown(stack)
    say(f"stack {stack.name} is down")


def reset(stack: Stack, say: Say = tell) -> None:
    """Down, and the data of all parts gone together: a log wiped alone restarts its offsets below the warehouse's."""
    down(stack, say)
    shutil.rmtree(stack.folder, ignore_errors=True)
    say(f"stack {stack.name} is empty")


def table(stack: Stack) -> str:
    """One line per program: state, pid, address, how long it runs."""
    found, addresses = supervision.statuses(stack), stack.addresses()
    if not found:
        return f"stack {stack.name} is down"
    lines = [f"{'program':<12}{'state':<10}{'pid':>8}  {'address':<18}{'uptime':>9}"]
    for name in (*PARTS, *ROOMS):
        status = found[name]
        host, port = addresses[name]
        who = f"{name:<12}{status.state:<10}{status.pid or '-':>8}"
        lines.append(f"{who}  {f'{host}:{port}':<18}{_span(status.uptime_s):>9}")
    return "\n".join(lines)


def _span(seconds: int) -> str:
    hours, rest = divmod(max(seconds, 0), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if seconds else "-"


def logs(stack: Stack, name: str, lines: int) -> str:
    """The end of a program's log."""
    return tail(stack.log / f"{name}.log", lines)
