"""Room for new runs: a watermark on the disk of the data folder, at most a twentieth of a small one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestra.domain.errors import StorageFull
from orchestra.service.room import Room

MIB = 1 << 20


def disk(size_bytes: int, free_bytes: int) -> Callable[[Path], os.statvfs_result]:
    """What `statvfs` says of a disk."""
    block = 4096
    return lambda _: os.statvfs_result((block, block, size_bytes // block, 0, free_bytes // block, 0, 0, 0, 0, 255))


@pytest.mark.parametrize(
    ("size", "free", "wanted", "is_refused"),
    [
        (100 << 30, 65 * MIB, 64 * MIB, False),
        (100 << 30, 63 * MIB, 64 * MIB, True),
        (100 << 30, 0, 64 * MIB, True),
        (100 << 30, 0, 0, False),
        (200 * MIB, 11 * MIB, 64 * MIB, False),
        (200 * MIB, 9 * MIB, 64 * MIB, True),
    ],
)
def test_new_runs_need_room_on_the_disk(size: int, free: int, wanted: int, is_refused: bool) -> None:
    refusal = Room(Path("/data"), wanted, disk(size, free)).refusal()
    assert isinstance(refusal, StorageFull) is is_refused


def test_a_refusal_says_how_much_is_free_and_what_decides() -> None:
    refusal = Room(Path("/data"), 64 * MIB, disk(100 << 30, 3 * MIB)).refusal()
    assert refusal is not None
    assert "3 MiB are free, 64 MiB must be" in refusal.detail
    assert "disk_free" in refusal.detail


def test_a_folder_that_cannot_be_measured_refuses_nothing(tmp_path: Path) -> None:
    assert Room(tmp_path / "gone", 64 * MIB).refusal() is None
    assert Room(None, 64 * MIB).refusal() is None
