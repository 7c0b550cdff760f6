"""The checkers bite: each planted fault is found within a few worlds, the program without it in none of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from simulation.checks import violations
from simulation.mutants import MUTANTS, planted
from simulation.world.world import play

WORLDS = 25
"""`python -m tests.simulation --many --mutant NAME` looks further for the rare ones, which are not in CHEAP."""
CHEAP = (
    "no_idempotency",
    "claim_without_compare",
    "no_terminal_guard",
    "no_slot_guard",
    "disabled_is_ignored",
    "properties_are_ignored",
    "lost_without_patience",
    "reboot_gives_back",
    "boot_is_ignored",
    "wishes_are_forgotten",
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Worlds are full of trouble that servers and workers rightly log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", CHEAP)
def test_a_planted_fault_is_found(name: str) -> None:
    with planted(name):
        assert any(violations(play(seed)) for seed in range(1, WORLDS + 1)), MUTANTS[name].what
