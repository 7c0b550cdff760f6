"""Sizes: `500MB`, `2GiB`, or bytes; stored as bytes."""

import re
from typing import Final

_UNITS: Final = {
    "": 1,
    "B": 1,
    **{f"{letter}B": 1000 ** (power + 1) for power, letter in enumerate("KMGT")},
    **{f"{letter}iB": 1 << (10 * (power + 1)) for power, letter in enumerate("KMGT")},
}
_TEXT: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([KMGT]i?B|B)?")
PATTERN: Final = r"^[0-9]{1,15}(\.[0-9]{1,6})? ?([KMGT]i?B|B)?$"
LARGEST: Final = (1 << 53) - 1
"""Beyond it not every reader of JSON is exact."""


def parse(value: str | int) -> int | None:
    """Return the bytes that `value` (text, or a number of bytes) means, rounded down; None if it is no size."""
    if isinstance(value, str):
        match = _TEXT.fullmatch(value.strip())
        if match is None:
            return None
        unit = _UNITS[match[2] or ""]
        value = int(float(match[1]) * unit) if "." in match[1] else int(match[1]) * unit
    return value if 0 <= value <= LARGEST else None


def text(count: int) -> str:
    """Write bytes as the shortest size that means the same."""
    for unit in ("TiB", "TB", "GiB", "GB", "MiB", "MB", "KiB", "KB"):
        if count and count % _UNITS[unit] == 0:
            return f"{count // _UNITS[unit]}{unit}"
    return str(count)
