"""`python -m processors <name>`, `all`, or one of the operators' commands below: composition root."""

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
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
    top = commands.add_parser("top", help="what happens now: counts per minute, lag and watermark")
    top.add_argument("--minutes", type=int, default=5, help="how many back; default: %(default)s")
    top.add_argument("--every", type=float, help="print it again and again, so many seconds apart")
    verify = commands.add_parser("verify", help="the delivery ledger: the log against BigQuery; 1 when they differ")
    verify.add_argument("--hours", type=float, default=24, help="how far back; default: %(default)s")
    verify.add_argument("--all", action="store_true", help="everything that the log still has")
    dead = commands.add_parser("dead", help="records that could not be processed")
    dead.add_argument("action", choices=("list", "show", "retry", "drop"))
    dead.add_argument("group", nargs="?", help="the fingerprint that `list` printed")
    dead.add_argument("--dry-run", action="store_true", help="only say what `retry` or `drop` would do")
    moving = commands.add_parser(
        "move-bucket", help="a bucket of the views goes to another Redis while everything runs"
    )
    moving.add_argument("bucket", type=int, choices=range(64), metavar="BUCKET")
    moving.add_argument("--to", required=True, help="redis://host:port/0")
    replay = commands.add_parser("replay", help="a view made anew from the log, beside the live one")
    replay.add_argument("view", choices=("feeds", "views"))
    replay.add_argument("--shadow", required=True, help="redis://host:port/0 of an empty server, or a table of some")
    replay.add_argument("--compare", action="store_true", help="say what differs; 1 when something does")
    replay.add_argument("--show", type=int, default=20, help="so many differences; default: %(default)s")
    replay.add_argument("--swap", action="store_true", help="put it into the live one's place, while everything runs")
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
            from processors import retry

            print(retry.done(settings, given.action, given.group, _now, dry_run=given.dry_run))
        case "top":
            from processors import top

            asyncio.run(top.watch(settings, given.minutes, given.every, _now, print))
        case "verify":
            from processors import verify

            since = None if given.all else _now() - timedelta(hours=given.hours)
            return asyncio.run(verify.told(settings, since, print, _meanwhile))
        case "move-bucket":
            from processors.stores import moving

            table = asyncio.run(moving.move(settings.redis_url, given.bucket, given.to, print))
            print(f"set REDIS_URL in every room, and start them again when it suits you:\n{table.text()}")
        case "replay":
            from processors import replay

            told = replay.told(settings, given.view, given.shadow, given, _now, print, _meanwhile)
            return asyncio.run(told)
        case "films":
            from processors import films

            print(films.write(given.photograph, given.out))
        case name:
            _serve(settings, name)
    return 0


def _meanwhile(line: str) -> None:
    """For whoever waits; the answer itself may go to a file."""
    print(line, file=sys.stderr)


def _now() -> datetime:
    return datetime.now(UTC)


def _serve(settings: Settings, name: str) -> None:
    """Imports Faust only here: it reads sys.argv, and the other commands must not wait for it."""
    from processors.app import make_app
    from processors.running import run
    from processors.telemetry import Telemetry

    async def serve() -> None:
        telemetry = Telemetry()
        chosen = [processor for processor in PROCESSORS if name in ("all", processor.name)]
        apps = [make_app(processor, settings, telemetry, _now) for processor in chosen]
        await run(apps, telemetry, settings.processors_bind)

    logs.configure()
    asyncio.run(serve())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
