"""`python -m ingest keys add|revoke|list`: makes write keys, and ends them. A key is shown once, and nowhere kept."""

import argparse
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_urlsafe

from ingest.rules import keys as rules
from ingest.rules.keys import KeysFile, WriteKey

KEY_BYTES = 32
SHOWN = 12  # hex digits of a key's SHA-256 that name it


def main(words: Sequence[str], file: str, now: datetime) -> int:
    """What the words ask for; running collectors know within half a second. 1 when it cannot be done."""
    given = _parser().parse_args(words)
    try:
        if not file:
            raise ValueError("WRITE_KEYS_FILE is empty; expected a path")
        print(given.does(given, Path(file), now))
    except (OSError, ValueError) as error:
        print(f"nothing was changed: {error}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ingest keys", description=__doc__)
    does = parser.add_subparsers(required=True)
    add = does.add_parser("add", help="a new key")
    add.add_argument("app")
    add.add_argument("--name", default="", help="where it is used: android, web")
    add.add_argument("--events-per-s", type=float, help="left out: the setting's; 0: any number")
    add.add_argument("--burst", type=int, help="events at once; left out: ten seconds' worth")
    add.set_defaults(does=_add)
    revoke = does.add_parser("revoke", help="ends a key for ever")
    revoke.add_argument("start", help="how its SHA-256 begins, as `list` shows it")
    revoke.set_defaults(does=_revoke)
    does.add_parser("list", help="all keys").set_defaults(does=_list)
    return parser


def _add(given: argparse.Namespace, file: Path, _: datetime) -> str:
    key = token_urlsafe(KEY_BYTES)
    made = WriteKey(
        sha256=rules.fingerprint(key), app=given.app, name=given.name,
        events_per_s=given.events_per_s, burst=given.burst,
    )  # fmt: skip
    _write(file, rules.added(_read(file), made))
    return key


def _revoke(given: argparse.Namespace, file: Path, now: datetime) -> str:
    _write(file, rules.revoked(_read(file), given.start, now))
    return "revoked"


def _list(_: argparse.Namespace, file: Path, __: datetime) -> str:
    return "\n".join(_line(key) for key in _read(file).keys)


def _line(key: WriteKey) -> str:
    limit = "" if key.events_per_s is None else f"{key.events_per_s:g}/s"
    ended = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "good"
    return f"{key.sha256[:SHOWN]}  {ended:24} {key.app:20} {limit:10} {key.name}".rstrip()


def _read(file: Path) -> KeysFile:
    return rules.decode(file.read_bytes()) if file.exists() else KeysFile()


def _write(file: Path, keys: KeysFile) -> None:
    """All or nothing; what does not read back is not written."""
    raw = rules.encode(keys)
    rules.decode(raw)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    with fresh.open("wb") as out:
        out.write(raw)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
