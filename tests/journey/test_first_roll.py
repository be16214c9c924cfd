"""The page that leads through a first roll by curl, typed as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.stack import ROOT, Stack

PAGE = (ROOT / "docs/first-roll.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.stack
@pytest.mark.timeout(240)
def test_two_people_share_a_roll_by_curl_alone(stack: Stack, tmp_path: Path) -> None:
    typed = "set -eo pipefail\n" + "".join(f"{block}echo '#'\n" for block in BLOCKS)
    for ours, there in (("http://127.0.0.1:8000", stack.settings.public_url), (".venv/bin/python", sys.executable)):
        typed = typed.replace(ours, there)

    ended = subprocess.run(
        ["bash", "-c", typed],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=tmp_path,
        env=stack.env() | {"PYTHONPATH": str(ROOT)},
        check=False,
    )

    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    *_, taken, in_the_bath, revealed = [each.strip() for each in ended.stdout.split("#\n")][:-1]
    assert '"reveal_at"' in taken
    bens, anas = in_the_bath.split("\n")
    assert '"sealed":true' in bens
    assert anas == '{"next_cursor":null,"prev_cursor":null,"items":[]}'
    assert revealed.startswith("what a day\n")
    assert "and what a light" in revealed.splitlines()[-1]
    assert (tmp_path / "sunday.jpg").read_bytes().startswith(b"\xff\xd8\xff")
