"""The search for seeds counts what it played, over all its processes, and says so to programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_totals_of_all_processes_are_printed_as_json() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.simulation", "--many"]
    arguments = ["--seed", "7", "--count", "3", "--workers", "2"]
    done = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True, cwd=ROOT)
    totals = json.loads(done.stdout.splitlines()[-1])
    assert (totals["worlds"], totals["last_seed"], totals["failed"]) == (3, 9, [])
    assert totals["faults"]["healed"] == 3
    assert totals["transitions"]["pending → assigned"] > 0
    assert totals["virtual_s"] > 3 * 60
