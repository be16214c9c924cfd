"""What runs in a stack: each program's command line and settings file, in the order in which it is needed."""

import base64
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local import recipes
from local.cache import InstallError
from local.stack import Stack

HERE = Path(__file__).parent
PARTS = ("kafka", "valkey", "s3", "bigquery")
FILLED = ("kafka.properties", "valkey.conf")  # settings files of parts, written into the stack's run folder
ROOMS = ("ingest", "processors", "api", "public")


@dataclass(frozen=True)
class Program:
    """One supervised process. `stop_s`: how long it may take to end on SIGTERM before it is killed."""

    name: str
    argv: tuple[str, ...]
    stop_s: int


def parts(stack: Stack, places: Mapping[str, Path]) -> tuple[Program, ...]:
    """The four real parts, their settings files written and their folders made."""
    for folder in (*(stack.data / name for name in PARTS), stack.log, stack.run):
        folder.mkdir(parents=True, exist_ok=True)
    return (
        Program("kafka", _kafka(stack, places["kafka"]), stop_s=20),
        Program("valkey", _valkey(stack, places["valkey"]), stop_s=10),
        Program("s3", _s3(stack, places["s3"]), stop_s=10),
        Program("bigquery", _bigquery(stack, places["bigquery"]), stop_s=15),
    )


def rooms() -> tuple[Program, ...]:
    """Our own processes; what they need they read from the stack's environment."""
    python = (sys.executable, "-m")
    return (
        Program("ingest", (*python, "ingest"), stop_s=15),
        Program("processors", (*python, "processors", "all"), stop_s=30),  # drains 25 s at most
        Program("api", (*python, "api"), stop_s=15),
        Program("public", (*python, "local.public"), stop_s=10),
    )


def _filled(stack: Stack, template: str, **values: object) -> Path:
    """A settings file of `local/` with its braces filled in, written into the stack's run folder."""
    text = (HERE / template).read_text()
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    written = stack.run / template
    written.write_text(text)
    return written


def _bind(stack: Stack, name: str) -> str:
    host, port = stack.addresses()[name]
    return f"{host}:{port}"


def _kafka(stack: Stack, place: Path) -> tuple[str, ...]:
    folder = stack.data / "kafka"
    config = _filled(
        stack,
        "kafka.properties",
        broker=_bind(stack, "kafka"),
        controller=_bind(stack, "kafka controller"),
        data=folder,
    )
    java = (str(recipes.java(place)), "-cp", str(place / "jars" / "*"), "-Xmx512m", "-XX:+UseSerialGC")
    if not (folder / "meta.properties").exists():
        _format(stack, (*java, "kafka.tools.StorageTool", "format", "-t", cluster_id(), "-c", str(config)))
    logging = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
    return (*java, logging, "kafka.Kafka", str(config))


def cluster_id() -> str:
    """22 characters of base64, as Kafka wants them; the first is `A`: a dash would begin an option."""
    return base64.urlsafe_b64encode(b"\0" + os.urandom(15)).decode().rstrip("=")


def _format(stack: Stack, argv: tuple[str, ...]) -> None:
    """Prepares an empty log folder, once."""
    made = subprocess.run(argv, capture_output=True, text=True, check=False, env=stack.env())
    if made.returncode != 0:
        raise InstallError(f"Kafka could not format {stack.data / 'kafka'}:\n{made.stdout}{made.stderr}")


def _valkey(stack: Stack, place: Path) -> tuple[str, ...]:
    host, port = stack.addresses()["valkey"]
    config = _filled(stack, "valkey.conf", host=host, port=port, data=stack.data / "valkey")
    return str(recipes.valkey_server(place)), str(config)


def _s3(stack: Stack, place: Path) -> tuple[str, ...]:
    """Its keys come from the stack's environment, so that they show in no process list."""
    folder = stack.data / "s3"
    serve = (str(recipes.versitygw(place)), "--port", _bind(stack, "s3"), "--region", stack.settings.s3_region)
    sidecar = () if _keeps_attributes(folder) else ("--sidecar", str(_made(stack.data / "s3-attributes")))
    return (*serve, "--quiet", "--keep-alive", "posix", *sidecar, str(folder))


def _keeps_attributes(folder: Path) -> bool:
    """Whether the file system has the extended attributes in which versitygw keeps an object's metadata."""
    try:
        os.setxattr(folder, "user.darkroom", b"1")
    except (OSError, AttributeError):
        return False
    return True


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _bigquery(stack: Stack, place: Path) -> tuple[str, ...]:
    host, rest = stack.addresses()["bigquery"]
    _, grpc = stack.addresses()["bigquery grpc"]
    isolated = (str(recipes.emulator_python(place)), "-I", "-u")  # sees neither our modules nor our variables
    launcher = (*isolated, str(HERE / "bigquery_launcher.py"))
    return (*launcher, host, str(rest), str(grpc), str(stack.data / "bigquery"), stack.settings.warehouse_project)


def environment(stack: Stack) -> dict[str, str]:
    """What supervisor and all its programs run with."""
    keys = {"ROOT_ACCESS_KEY": stack.settings.s3_access_key, "ROOT_SECRET_KEY": stack.settings.s3_secret_key}
    return {**stack.env(), **keys}
