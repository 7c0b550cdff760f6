"""`service`: a service of its own for a test; `shared`: one for all tests of a module that do not disturb others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.service.rig import Rig, running


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Rig]:
    with running(tmp_path) as rig:
        yield rig


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("service")) as rig:
        yield rig
