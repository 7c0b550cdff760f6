"""The linters, type checkers and the website's unit tests, as tests: one command runs everything and fails as one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tidy.source import ROOT

PROGRAMS = Path(sys.executable).parent
NPM = [sys.executable, "scripts/website.py", "npm", "run", "--silent"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([PROGRAMS / "ruff", "check"], id="ruff finds nothing"),
        pytest.param([PROGRAMS / "ruff", "format", "--check"], id="Python is formatted"),
        pytest.param([PROGRAMS / "mypy"], id="Python's types fit"),
        pytest.param([PROGRAMS / "lint-imports", "--no-logo"], id="every import respects the layers"),
        pytest.param([*NPM, "lint"], id="the website is formatted and its types fit"),
        pytest.param([*NPM, "test"], id="the website's unit tests pass"),
    ],
)
def test_the_tool_is_content(command: list[Path | str]) -> None:
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        pytest.fail(f"exit code {done.returncode}\n{done.stdout}{done.stderr}", pytrace=False)
