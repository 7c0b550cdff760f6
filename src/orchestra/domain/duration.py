"""Durations: `90s`, `15m`, `2h`, `1d`, or seconds; stored as seconds."""

import math
import re
from typing import Final

_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_TEXT: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([smhd]?)")
PATTERN: Final = r"^[0-9]{1,12}(\.[0-9]{1,6})?[smhd]?$"
LONGEST_S: Final = 3650 * 86_400.0
"""Ten years: beyond, "for ever" was meant."""


def parse(value: str | float) -> float | None:
    """Return the seconds that `value` (text, or a number of seconds) means; None if it is none, or over 10 years."""
    if isinstance(value, str):
        match = _TEXT.fullmatch(value.strip())
        if match is None:
            return None
        value = float(match[1]) * _UNITS[match[2]]
    seconds = float(value)
    return seconds if math.isfinite(seconds) and 0 <= seconds <= LONGEST_S else None


def text(seconds: float) -> str:
    """Write seconds as the shortest duration that means the same."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{int(seconds // _UNITS[unit])}{unit}"
    return f"{seconds:g}s"
