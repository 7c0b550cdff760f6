"""Each planted fault is caught within the seeds that the suite plays; else passing means nothing."""

from __future__ import annotations

import pytest

from simulation.checks import violations
from simulation.mutants import MUTANTS, planted
from simulation.test_worlds import SEEDS
from simulation.world.world import play


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_fault_is_caught(name: str) -> None:
    with planted(name):
        caught = any(violations(play(seed)) for seed in range(1, SEEDS + 1))
    assert caught, f"{SEEDS} worlds did not notice that {MUTANTS[name].what}"


def test_a_fault_is_gone_when_its_context_ends() -> None:
    seed = next(seed for seed in range(1, SEEDS) if _is_caught("no_idempotency", seed))
    assert violations(play(seed)) == []


def _is_caught(name: str, seed: int) -> bool:
    with planted(name):
        return bool(violations(play(seed)))
