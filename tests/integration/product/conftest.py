"""Installations that the tests of a module share, so that each test costs its runs and not a start.

up          `orchestra up` with 8 slots, ready
crashing    a server with a short heartbeat and two workers, `left` and `right`, five slots each
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.installation import Installation


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("up"), "up", arguments=("--concurrency", "8")) as one:
        one.start()
        yield one
