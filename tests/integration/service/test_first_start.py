"""The first start: one administrator, one token in a private file, one code; later starts change nothing."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from integration.service.rig import TestClock
from orchestra.domain.errors import Unavailable
from orchestra.service.first_start import TOKEN_FILE, FirstStart, first_start
from orchestra.storage import authentications, users
from orchestra.storage.database import open_database


def start(data: Path, database: str = "orchestra.db", seed: int = 1) -> FirstStart | None:
    async def work() -> FirstStart | None:
        opened = open_database(f"sqlite:///{data / database}")
        try:
            return await first_start(opened, data, TestClock(), random.Random(seed))
        finally:
            await opened.close()

    return asyncio.run(work())


def test_the_first_start_makes_an_administrator_and_writes_its_token_privately(tmp_path: Path) -> None:
    made = start(tmp_path)
    assert made is not None
    file = tmp_path / TOKEN_FILE
    assert file.read_text() == made.token + "\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert made.token.startswith("orcu_")
    assert made.token not in repr(made)

    async def look() -> None:
        opened = open_database(f"sqlite:///{tmp_path / 'orchestra.db'}")
        user = await opened.read(lambda rows: users.get(rows, "admin"))
        assert user is not None
        assert user.roles == ("Administrator",)
        principal = await opened.read(lambda rows: authentications.authenticate(rows, made.token, TestClock().now()))
        assert principal is not None
        assert principal.expiration_date is None
        await opened.close()

    asyncio.run(look())


def test_later_starts_change_nothing(tmp_path: Path) -> None:
    start(tmp_path)
    before = (tmp_path / TOKEN_FILE).read_text()
    assert start(tmp_path, seed=2) is None
    assert (tmp_path / TOKEN_FILE).read_text() == before


def test_a_first_start_that_failed_half_way_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("orchestra.storage.authentications.create_token", fail)
        with pytest.raises(Unavailable):
            start(tmp_path)
    made = start(tmp_path, seed=2)
    assert made is not None
    assert (tmp_path / TOKEN_FILE).read_text() == made.token + "\n"


def test_a_token_file_of_another_database_is_replaced(tmp_path: Path) -> None:
    start(tmp_path)
    made = start(tmp_path, "other.db", seed=2)
    assert made is not None
    assert (tmp_path / TOKEN_FILE).read_text() == made.token + "\n"
