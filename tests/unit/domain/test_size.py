"""Sizes: what counts as one, and how bytes are written back."""

from __future__ import annotations

import pytest

from orchestra.domain import size


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("500MB", 500_000_000), ("2GiB", 2 << 30), ("1.5KiB", 1536), ("10 GiB", 10 << 30), ("7", 7), (7, 7), ("0", 0),
        ("12B", 12), ("1TB", 10**12), ("", None), ("5mb", None), ("-1", None), ("1e3", None), ("9999999999TiB", None),
    ],
)  # fmt: skip
def test_a_size_is_read(written: str | int, count: int | None) -> None:
    assert size.parse(written) == count


@pytest.mark.parametrize("count", [0, 1, 1000, 1024, 1 << 30, 10**9, 1500, 3 << 20, (1 << 40) + 1])
def test_what_is_written_means_the_same(count: int) -> None:
    assert size.parse(size.text(count)) == count


def test_the_shortest_unit_is_chosen() -> None:
    assert [size.text(one) for one in (2 << 30, 500_000_000, 1025)] == ["2GiB", "500MB", "1025"]
