"""300 simulated worlds: every invariant holds in each, and the same seed is the same world."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulation.checks import violations
from simulation.world.world import play

WORLDS = 300
AT_ONCE = 10
"""Worlds of one test: enough for a process of the test run to be worth its start."""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Worlds are full of trouble that servers and workers rightly log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(1, WORLDS + 1, AT_ONCE))
def test_every_invariant_holds_in_every_world(first: int) -> None:
    found = {seed: violations(play(seed)) for seed in range(first, first + AT_ONCE)}
    said = [f"seed {seed}: {violation}" for seed, all_of_it in found.items() for violation in all_of_it]
    assert not said, "\n".join([*said, "replay one with: make simulate SEED=…"])


@pytest.mark.parametrize("seed", [7, 50])
def test_a_seed_is_one_world_whatever_hashes_are(seed: int) -> None:
    here = play(seed).digest()
    assert play(seed).digest() == here
    program = (
        "import logging, sys\n"
        "logging.disable(logging.CRITICAL)\n"
        f"sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "from simulation.world.world import play\n"
        f"print(play({seed}).digest())\n"
    )
    for hashes in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hashes},
        )
        assert done.stdout.strip() == here
