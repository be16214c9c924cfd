"""`python -m processors agents | all | <name> | dead list|show | films | lag`: their composition root."""

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from processors import logs
from processors.agents import PROCESSORS, topology
from schemas.settings import Settings


def main(arguments: list[str]) -> int:
    """Runs the command; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m processors", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("agents", help="print the topology; needs no Kafka")
    commands.add_parser("all", help="run every processor in this process")
    for processor in PROCESSORS:
        commands.add_parser(processor.name, help=processor.says)
    commands.add_parser("lag", help="how far each processor is behind")
    dead = commands.add_parser("dead", help="records that could not be processed")
    dead.add_argument("action", choices=("list", "show"))
    dead.add_argument("group", nargs="?", help="the fingerprint that `list` printed")
    films = commands.add_parser("films", help="a page of every film on these photographs")
    films.add_argument("photograph", nargs="+", type=Path)
    films.add_argument("--out", type=Path, default=Path("contact-sheet"), help="a folder; default: %(default)s")
    return _run(parser.parse_args(arguments))


def _run(given: argparse.Namespace) -> int:
    settings = Settings.read(os.environ)
    match given.command:
        case "agents":
            print(topology())
        case "lag":
            from processors import lag

            print(lag.table(settings, [processor.name for processor in PROCESSORS]))
        case "dead":
            from processors import dead

            print(dead.shown(settings, given.action, given.group))
        case "films":
            from processors import films

            print(films.write(given.photograph, given.out))
        case name:
            _serve(settings, name)
    return 0


def _serve(settings: Settings, name: str) -> None:
    """Imports Faust only here: it reads sys.argv, and the other commands must not wait for it."""
    from processors.app import make_app
    from processors.running import run
    from processors.telemetry import Telemetry

    async def serve() -> None:
        telemetry = Telemetry()
        chosen = [processor for processor in PROCESSORS if name in ("all", processor.name)]
        apps = [make_app(processor, settings, telemetry, lambda: datetime.now(UTC)) for processor in chosen]
        await run(apps, telemetry, settings.processors_bind)

    logs.configure()
    asyncio.run(serve())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
