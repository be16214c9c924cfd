"""A stack: one env file, one set of ports, one folder of data, logs and run files. Two can run side by side.

`.env` (else `.env.example`) alone says where everything listens. The `test` stack is the same with every port moved by
10,000 and its own folder, so that tests never meet a developer's data.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from schemas.settings import Settings, SettingsError, address

ROOT = Path(__file__).parent.parent
SPARE = {f"test{n}": 10_000 + 100 * n for n in range(1, 10)}  # for test runs side by side in one checkout
SHIFTS = {"default": 0, "test": 10_000, **SPARE, "bench": 20_000}  # what is added to every port
MARK = "DARKROOM_STACK"  # every process of a stack carries its folder here, so that `down` finds what a crash left


@dataclass(frozen=True)
class Stack:
    """Settings and folders of one stack; knows nothing about what is running."""

    name: str
    given: Mapping[str, str]  # the env file, ports already moved
    folder: Path

    @classmethod
    def named(cls, name: str, root: Path = ROOT) -> "Stack":
        """The stack of that name, from the env file in `root`; `SettingsError` for an unknown name."""
        if name not in SHIFTS:
            raise SettingsError(f"stack is {name!r}; expected one of {', '.join(SHIFTS)}")
        chosen = root / ".env"
        text = (chosen if chosen.exists() else root / ".env.example").read_text()
        folder = root / ".local" / name
        given = shifted(parse_env(text), SHIFTS[name])
        if name != "default":
            given["SPOOL_DIR"] = str(folder / "data" / "spool")
        return cls(name, given, folder)

    @cached_property
    def settings(self) -> Settings:
        """What every room of this stack reads."""
        return Settings.read(self.given)

    @property
    def write_key(self) -> str:
        """The first of the settings' write keys: what to post a batch with."""
        return self.settings.write_keys.partition("=")[0]

    @property
    def data(self) -> Path:
        """What `reset` wipes."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """One file per program."""
        return self.folder / "log"

    @property
    def run(self) -> Path:
        """Generated configuration, pid and socket."""
        return self.folder / "run"

    def env(self) -> dict[str, str]:
        """The whole environment of a process of this stack; the env file alone says what the settings are."""
        names = {field.upper() for field in Settings.__struct_fields__}
        inherited = {name: value for name, value in os.environ.items() if name not in names}
        scripts = str(Path(sys.executable).parent)
        path = os.pathsep.join([scripts, inherited.get("PATH", os.defpath)])
        return {**inherited, **self.given, "PATH": path, "PYTHONUNBUFFERED": "1", MARK: str(self.folder)}

    def addresses(self) -> dict[str, tuple[str, int]]:
        """Who listens where: program (and protocol) -> host and port."""
        return addresses(self.settings)


def parse_env(text: str) -> dict[str, str]:
    """`NAME=value` lines; blank lines and `#` lines are skipped, a pair of quotes around the value is taken off."""
    pairs = (line.strip() for line in text.splitlines())
    return dict(_pair(line) for line in pairs if line and not line.startswith("#"))


def _pair(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals or not name.strip().isidentifier():
        raise SettingsError(f"env file has the line {line!r}; expected NAME=value")
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return name.strip(), value


def shifted(given: Mapping[str, str], by: int) -> dict[str, str]:
    """The same settings with every local port moved by `by`; names that are not given are moved from their default."""
    if not by:
        return dict(given)
    settings = Settings.read(given)
    binds = ("ingest_bind", "api_bind", "processors_bind", "kafka_brokers")
    urls = ("public_url", "redis_url", "s3_endpoint", "s3_public_endpoint")
    moved = {name: move_hosts(getattr(settings, name), by) for name in (*binds, *urls)}
    moved["warehouse_emulator"] = _move_emulator(settings.warehouse_emulator, by)
    return {**given, **{name.upper(): value for name, value in moved.items()}}


def move_hosts(text: str, by: int) -> str:
    """Moves the port of `host:port`, of each in a comma-separated list, or of a URL; the path stays."""
    scheme, mark, rest = text.rpartition("://")
    hosts, slash, path = rest.partition("/")
    return scheme + mark + ",".join(_move(host, by) for host in hosts.split(",")) + slash + path


def _move(bind: str, by: int) -> str:
    host, port = address(bind)
    return f"{host}:{port + by}"


def _move_emulator(text: str, by: int) -> str:
    host, rest, grpc = text.split(":")
    return f"{host}:{int(rest) + by}:{int(grpc) + by}"


def addresses(settings: Settings) -> dict[str, tuple[str, int]]:
    """Every address the local stack listens on; `SettingsError` when two programs would share a port."""
    host, rest, grpc = settings.warehouse_emulator.split(":")
    kafka_host, kafka_port = address(settings.brokers[0])
    found = {
        "public": _of_url(settings.public_url),
        "ingest": address(settings.ingest_bind),
        "api": address(settings.api_bind),
        "processors": address(settings.processors_bind),
        "kafka": (kafka_host, kafka_port),
        "kafka controller": (kafka_host, kafka_port + 1),
        "valkey": _of_url(settings.redis_url),
        "s3": _of_url(settings.s3_endpoint),
        "bigquery": (host, int(rest)),
        "bigquery grpc": (host, int(grpc)),
    }
    for first, second in _clashes(found):
        raise SettingsError(f"{first} and {second} both want port {found[first][1]}; expected different ports")
    return found


def _of_url(url: str) -> tuple[str, int]:
    hosts = url.rpartition("://")[2].partition("/")[0]
    return address(hosts.rpartition("@")[2])


def _clashes(found: Mapping[str, tuple[str, int]]) -> Iterator[tuple[str, str]]:
    seen: dict[int, str] = {}
    for name, (_, port) in found.items():
        if port in seen:
            yield seen[port], name
        seen[port] = name


def example(explained: Mapping[str, tuple[str, str]]) -> str:
    """The text of `.env.example`: every setting with its explanation, in order, true for the local stack."""
    local = {"DOCS": "1"}
    lines = [f"# {why}\n{name}={local.get(name, value)}\n" for name, (value, why) in explained.items()]
    return "# Every setting, as the local stack uses it. Copy to `.env` to change something.\n\n" + "\n".join(lines)
