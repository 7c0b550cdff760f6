"""A short walk of the fuzzer, always the same: what it finds in minutes it may miss here, what is plain it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fuzz.api import fuzz
from fuzz.world import world
from integration.service.rig import Rig

SEED = 20_260_131
PHASES: dict[str, Any] = {"coverage": {"enabled": False}, "stateful": {"enabled": False}}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with world(tmp_path_factory.mktemp("fuzz")) as rig:
        yield rig


@pytest.mark.parametrize("user", ["administrator", "operator", None])
def test_no_generated_request_is_answered_otherwise_than_described(filled: Rig, user: str | None) -> None:
    found = fuzz(filled, user, seed=SEED, examples=4, phases=PHASES)
    assert found.errors == []
    assert not found.failures, found.report()
    assert found.cases > 300
