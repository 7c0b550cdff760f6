"""Worlds that suffer: 300 seeds, no violation; the same seed twice is the same world; nothing is never seen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from simulation.checks import violations
from simulation.history import History
from simulation.sometimes import SOMETIMES, seen
from simulation.world.world import play

SEEDS = 300
LOOKED_AT = 40
CHUNK = 13
"""So that the processes of a run of the suite share the rest evenly."""
REPLAYED = (3, 13, 29)
ROOT = Path(__file__).resolve().parents[2]


def test_every_invariant_holds_and_everything_that_must_happen_sometimes_does() -> None:
    counted: Counter[str] = Counter()
    for seed in range(1, LOOKED_AT + 1):
        history = play(seed)
        _judge(seed, history)
        counted.update(seen(history))
    never = sorted(SOMETIMES.keys() - counted.keys())
    assert not never, f"never seen in {LOOKED_AT} worlds: {never}"


@pytest.mark.parametrize("first", range(LOOKED_AT + 1, SEEDS + 1, CHUNK))
def test_every_invariant_holds_in_every_world(first: int) -> None:
    for seed in range(first, first + CHUNK):
        _judge(seed, play(seed))


def test_one_seed_is_one_world_whatever_else_is_random() -> None:
    here = [play(seed).digest() for seed in REPLAYED]
    assert [play(seed).digest() for seed in REPLAYED] == here
    program = (
        "import sys; from simulation.world.world import play; print(*(play(int(s)).digest() for s in sys.argv[1:]))"
    )
    for hash_seed in ("1", "4711"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program, *map(str, REPLAYED)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT / "tests")},
        )
        assert done.stdout.split() == here


def _judge(seed: int, history: History) -> None:
    wrong = [f"make simulate SEED={seed}: {violation}" for violation in violations(history)]
    assert not wrong, "\n".join(wrong)
