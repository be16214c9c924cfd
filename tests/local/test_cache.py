import sys
import threading
from pathlib import Path

import pytest

from local.cache import InstallError, Recipe, Workshop, install, installed
from local.interpreters import python313


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "darkroom"


class Builder:
    """Builds a part of one file, and remembers how often."""

    def __init__(self, pin: Path, script: str = "") -> None:
        pin.write_text("1")
        self.script, self.built, self.said = script, 0, list[str]()
        self.recipe = Recipe("part", "1.0", (pin,), self._build, lambda at: (at / "whole").exists())

    def _build(self, shop: Workshop) -> None:
        self.built += 1
        (shop.home / "half").touch()
        shop.run("stirring", sys.executable, "-c", self.script, str(shop.home))
        (shop.home / "whole").touch()


def test_what_is_installed_is_not_built_again(tmp_path: Path) -> None:
    builder = Builder(tmp_path / "pin")

    places = [install(builder.recipe, builder.said.append) for _ in range(2)]

    assert places[0] == places[1]
    assert builder.built == 1
    assert builder.said[0] == "stirring"


def test_a_changed_pin_is_another_install(tmp_path: Path) -> None:
    builder = Builder(tmp_path / "pin")
    first = install(builder.recipe, builder.said.append)

    (tmp_path / "pin").write_text("2")

    assert install(builder.recipe, builder.said.append) != first


def test_an_install_that_fails_leaves_nothing_in_place_and_says_why(tmp_path: Path) -> None:
    builder = Builder(tmp_path / "pin", "raise SystemExit('no such oven')")

    with pytest.raises(InstallError, match="no such oven"):
        install(builder.recipe, builder.said.append)

    assert not installed(builder.recipe).exists()


def test_the_next_try_sweeps_away_what_an_interrupted_one_left(tmp_path: Path, cache: Path) -> None:
    builder = Builder(tmp_path / "pin")
    (cache / ".building-part-1" / "home").mkdir(parents=True)

    install(builder.recipe, builder.said.append)

    assert [folder.name for folder in cache.glob("*part-*")] == [builder.recipe.folder]


def test_an_install_that_no_longer_works_is_built_anew(tmp_path: Path) -> None:
    builder = Builder(tmp_path / "pin")
    (install(builder.recipe, builder.said.append) / "whole").unlink()

    assert (install(builder.recipe, builder.said.append) / "whole").exists()


def test_two_at_once_build_once(tmp_path: Path) -> None:
    builder = Builder(tmp_path / "pin", "import time; time.sleep(0.3)")
    threads = [threading.Thread(target=install, args=(builder.recipe, builder.said.append)) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert builder.built == 1


def test_a_python_that_does_not_start_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert python313() != str(shim)


def test_a_python_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    works = tmp_path / "python3.13"
    works.write_text("#!/bin/sh\nexit 0\n")
    works.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert python313() == str(works)


def test_without_any_the_installer_may_fetch_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATH", "HOME", "PYENV_ROOT"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "versions" / "3.11"))

    assert python313() == "3.13"
