"""One minute of chaos with real processes, always the same one; `make chaos SECONDS=1800` is the real thing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = {"sqlite": 30, "postgresql": 30}
SEED = 7
PATIENCE_S = 280
"""Healing and checking come on top; beyond this the test would end without a word."""


@pytest.mark.parametrize("database", sorted(SECONDS))
def test_nothing_is_lost_and_nothing_starts_twice_whatever_is_done_to_the_processes(database: str) -> None:
    command = ["--seconds", str(SECONDS[database]), "--seed", str(SEED), "--database", database]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.chaos", *command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            told, _ = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            # As Ctrl-C does: it ends what it started.
            process.send_signal(2)
            told, _ = process.communicate()
            pytest.fail(f"it did not end\n{told}")
    assert process.returncode == 0, told
    assert "every invariant holds" in told
