"""Planted faults are caught; else passing means nothing. The cheapest twelve here, all of them by `make mutants`."""

from __future__ import annotations

import pytest

from simulation.checks import violations
from simulation.mutants import MUTANTS, planted
from simulation.test_worlds import SEEDS
from simulation.world.world import play

CHEAPEST = (
    "no_idempotency",
    "no_terminal_guard",
    "no_slot_guard",
    "lost_without_patience",
    "impostor_is_welcome",
    "resume_where_the_worker_is",
    "acknowledge_before_commit",
    "forget_before_commit",
    "no_sync",
    "listed_is_complete",
    "clean_before_forget",
    "results_are_dropped",
)


@pytest.mark.parametrize("name", CHEAPEST)
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
