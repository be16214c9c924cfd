"""`python -m local install|up|down|status|reset|bootstrap|start|stop|restart|pid|logs`: the stack of this checkout."""

import argparse
import logging
import sys
import time

from local import control, supervision
from local.bootstrap import bootstrap
from local.cache import InstallError
from local.programs import PARTS, ROOMS
from local.stack import SHIFTS, Stack
from local.supervision import SupervisionError
from schemas.settings import SettingsError

PROGRAMS = (*PARTS, *ROOMS)
PLAIN = {
    "install": "fetch and build the parts; up does it too",
    "down": "stop everything",
    "status": "what runs, and where",
    "reset": "stop, and delete the data",
    "bootstrap": "create topics, bucket and tables that are missing",
}


def main() -> int:
    """Runs one command; 1 with the reason when it cannot."""
    asked = _arguments().parse_args()
    for noisy in ("kafka", "botocore", "httpx"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)  # what they say while a part starts is not news
    try:
        _run(asked)
    except (InstallError, SupervisionError, SettingsError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the next try goes on from here", file=sys.stderr)
        return 130
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description="The whole system on one box, without Docker.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="install, start, wait, bootstrap")
    up.add_argument("--only", choices=["parts"], help="Kafka, Valkey, S3 and BigQuery without our own rooms")
    plain = [commands.add_parser(name, help=text) for name, text in PLAIN.items()]
    single = ("start", "stop", "restart", "pid", "logs")
    one = [commands.add_parser(name, help=f"{name} of one program") for name in single]
    for command in one:
        command.add_argument("program", choices=PROGRAMS)
    one[-1].add_argument("--lines", type=int, default=40)
    for command in (up, *plain, *one):
        command.add_argument("--stack", choices=sorted(SHIFTS), default="default")
    return parser


def _run(asked: argparse.Namespace) -> None:
    stack, say = Stack.named(asked.stack), control.say_to_terminal(time.monotonic())
    match asked.command:
        case "up":
            control.up(stack, say, only_parts=asked.only == "parts")
            print(control.table(stack) if asked.only else _welcome(stack))
        case "install":
            control.install(say)
        case "down":
            control.down(stack, say)
        case "status":
            print(control.table(stack))
        case "reset":
            control.reset(stack, say)
        case "bootstrap":
            bootstrap(stack, say)
        case "logs":
            print(control.logs(stack, asked.program, asked.lines))
        case _:
            _run_one(stack, asked.command, asked.program, say)


def _run_one(stack: Stack, command: str, program: str, say: control.Say) -> None:
    if not supervision.running(stack):
        raise SupervisionError(f"stack {stack.name} is down; start it with `make up`")
    match command:
        case "start":
            supervision.start(stack, program)
        case "stop":
            supervision.stop(stack, program)
        case "restart":
            control.restart(stack, (program,), say)
        case "pid":
            print(supervision.pid(stack, program))


def _welcome(stack: Stack) -> str:
    return (
        f"\n{control.table(stack)}\n\n"
        f"public address  {stack.settings.public_url}\n"
        f"documentation   {stack.settings.public_url}/docs\n"
        f"write key       {stack.write_key}\n"
        f"logs            {stack.log}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
