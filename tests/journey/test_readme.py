"""What the README and the demo tell people to type, typed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.stack import ROOT, Stack

README = Path("README.md").read_text()
COMMANDS = re.findall(
    r"^(make \w+|docker compose [^#\n]+)", "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)), re.M
)
MODULES = re.findall(r"`python -m ([\w. ]+)`", README)


def run(command: str, stack: Stack | None = None) -> str:
    """What the command prints; fails when it does not end well."""
    env = stack.env() if stack else None
    ended = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=300, env=env, cwd=ROOT, check=False
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    return ended.stdout


@pytest.mark.parametrize("command", sorted({command for command in COMMANDS if command.startswith("make")}))
def test_a_make_command_of_the_readme_exists(command: str) -> None:
    assert run(f"{command} -n")


@pytest.mark.parametrize("module", sorted(set(MODULES)))
def test_a_python_command_of_the_readme_works_without_any_server(module: str) -> None:
    assert run(f"{sys.executable} -m {module}")


@pytest.mark.stack
@pytest.mark.timeout(600)  # catches a hang; it takes a minute, and two on a machine that does other things
def test_the_demo_tells_its_story_and_what_it_says_to_try_next_works(stack: Stack) -> None:
    told = run(f"{sys.executable} -m local.demo --stack {stack.name}")

    assert re.search(r"\[6/9\].*'s feed: 0 photos.*sees a sealed card.*\[8/9\].*'s feed: 3 photos", told, re.DOTALL)
    assert re.search(r"Photo Taken +2 +2", told), "the SQL answer"
    next_lines = told.partition("Try next")[2].partition("\n")[2].partition("  open ")[0]
    answers = run(f"set -e\n{next_lines.replace('.venv/bin/python', sys.executable)}", stack)
    assert '"next_cursor"' in answers
    assert '"success":true' in answers
    assert "PhotoDeveloped" in answers
