"""`python -m sql plan|apply|check|digest|query|report`: what analysts and the bootstrap type."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
from google.api_core.exceptions import GoogleAPICallError

from schemas.settings import Settings
from sql import build, report
from sql.ddl import BreakingChange
from sql.plan import PlanError
from sql.warehouse import Warehouse, opened


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 1 when a check finds rows, BigQuery refuses, or a change would break."""
    asked = _arguments().parse_args(argv)
    try:
        return int(asked.run(asked))
    except (PlanError, BreakingChange) as error:
        print(error, file=sys.stderr)
    except GoogleAPICallError as error:
        print(f"BigQuery: {refusal(error)}", file=sys.stderr)
    return 1


def refusal(error: GoogleAPICallError) -> str:
    """What BigQuery says, in one line: without its codes, and the job that a client who had to wait tells below."""
    said: str = error.message
    return said.partition("\n")[0].partition("; reason:")[0]


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sql", description="What analysts read: raw, staging, marts.")
    commands = parser.add_subparsers(required=True)
    commands.add_parser("plan", help="the models, in the order they are built").set_defaults(run=_plan)
    apply = commands.add_parser("apply", help="create and refresh everything; may be run twice")
    apply.add_argument("--days", type=_count, default=1, help="how many days up to --date (default: 1; 0: tables only)")
    apply.set_defaults(run=_apply)
    check = commands.add_parser("check", help="run checks/*.sql; no rows is good")
    check.add_argument("names", nargs="*", help="only these checks (default: all)")
    check.set_defaults(run=_check)
    digest = commands.add_parser("digest", help="each mart's rows, counted and as one number: equal rows, equal number")
    digest.set_defaults(run=_digest)
    page = commands.add_parser("report", help="write one HTML page with the last 30 days, drawn")
    page.add_argument("--out", type=Path, default=Path("report.html"), help="the file (default: %(default)s)")
    page.set_defaults(run=_report)
    for command in (apply, check, page):
        command.add_argument("--date", type=date.fromisoformat, default=None, help="UTC day (default: today)")
    query = commands.add_parser("query", help="print what a query gives")
    query.add_argument("sql")
    query.add_argument("--out", type=Path, help="write to this .csv or .parquet file instead")
    query.set_defaults(run=_query)
    return parser


def _count(text: str) -> int:
    if not 0 <= (count := int(text)) <= 1000:
        raise ValueError
    return count


def _plan(asked: argparse.Namespace) -> int:
    for model in build.models():
        print(f"{model.path} ({model.kind}) <- {', '.join(model.reads)}\n    {model.grain}; owner {model.owner}")
    return 0


def _apply(asked: argparse.Namespace) -> int:
    settings = Settings.read(os.environ)
    days = [_day(asked) - timedelta(days=ago) for ago in reversed(range(asked.days))]
    began = time.monotonic()
    for line in build.apply(opened(settings), settings, days):
        print(f"{line} in {time.monotonic() - began:.1f} s", flush=True)
        began = time.monotonic()
    return 0


def _check(asked: argparse.Namespace) -> int:
    chosen, warehouse = build.chosen(asked.names), _warehouse()
    found = {check.name: warehouse.df(check.body, day=_day(asked)) for check in chosen}
    for name, rows in found.items():
        print(f"{name}: {'good' if rows.empty else f'{len(rows)} rows'}")
        if not rows.empty:
            print(rows.head(20).to_string(index=False))
    return int(any(not rows.empty for rows in found.values()))


def _digest(_: argparse.Namespace) -> int:
    for path, (rows, number) in digest(_warehouse()):
        print(f"{path}: {rows} rows, {number:016x}", flush=True)
    return 0


def digest(warehouse: Warehouse) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each mart's path, how many rows it has, and a number that stays the same while they do, in whatever order."""
    for mart in (model for model in build.models() if model.kind == "table"):
        rows = warehouse.df(f"select * from {mart.path}")  # noqa: S608 - our own table's name
        hashes = pd.util.hash_pandas_object(rows.astype(str), index=False)
        yield mart.path, (len(rows), int(hashes.sum()) if len(rows) else 0)


def _query(asked: argparse.Namespace) -> int:
    rows = _warehouse().df(asked.sql)
    if asked.out is None:
        print(rows.to_string(index=False) if len(rows.columns) else "done")
    else:
        _write(rows, asked.out)
    return 0


def _report(asked: argparse.Namespace) -> int:
    out: Path = asked.out
    out.write_text(report.html(report.read(_warehouse(), _day(asked))), encoding="utf-8")
    print(f"the {report.DAYS} days up to {_day(asked)} in {out}")
    return 0


def _write(rows: pd.DataFrame, out: Path) -> None:
    if out.suffix == ".parquet":
        rows.to_parquet(out, index=False)
    elif out.suffix == ".csv":
        rows.to_csv(out, index=False)
    else:
        raise SystemExit(f"output is {out.name}; expected a name ending in .csv or .parquet")
    print(f"{len(rows)} rows in {out}")


def _warehouse() -> Warehouse:
    return opened(Settings.read(os.environ))


def _day(asked: argparse.Namespace) -> date:
    return asked.date or datetime.now(UTC).date()


if __name__ == "__main__":
    sys.exit(main())
