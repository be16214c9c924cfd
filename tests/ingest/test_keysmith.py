import re
from pathlib import Path

import pytest

from ingest.keysmith import main
from ingest.rules.keys import WriteKey, decode, fingerprint
from tests.builders import NOON


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def said(capsys: pytest.CaptureFixture[str], file: Path, words: str) -> tuple[int, str]:
    code = main(words.split(), str(file), NOON)
    return code, capsys.readouterr().out.strip()


def test_a_new_key_is_shown_once_and_only_its_hash_kept(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code, key = said(capsys, file, "add shop --name web --events-per-s 50 --burst 7")

    assert (code, re.fullmatch(r"[\w-]{43}", key) is not None) == (0, True)
    assert key not in file.read_text()
    assert decode(file.read_bytes()).keys == (
        WriteKey(sha256=fingerprint(key), app="shop", name="web", events_per_s=50, burst=7),
    )


def test_a_key_is_listed_and_revoked_by_its_hash(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    made = [said(capsys, file, f"add {app}")[1] for app in ("shop", "blog")]

    assert said(capsys, file, f"revoke {fingerprint(made[0])[:12]}") == (0, "revoked")

    _, listed = said(capsys, file, "list")
    assert [line.split()[:2] for line in listed.splitlines()] == [
        [fingerprint(made[0])[:12], "revoked"], [fingerprint(made[1])[:12], "good"],
    ]  # fmt: skip
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("words", ["revoke 00", "add shop --burst 0", "add shop --events-per-s -1"])
def test_what_cannot_be_done_changes_nothing(capsys: pytest.CaptureFixture[str], file: Path, words: str) -> None:
    said(capsys, file, "add shop")
    before = file.read_bytes()

    code, told = said(capsys, file, words)

    assert (code, told.startswith("nothing was changed")) == (1, True)
    assert file.read_bytes() == before


def test_without_a_file_in_the_settings_there_is_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"], "", NOON) == 1
    assert "WRITE_KEYS_FILE" in capsys.readouterr().out
