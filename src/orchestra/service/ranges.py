"""Byte ranges: the header `Range` of RFC 9110 section 14, for one range.

A list of several ranges is answered with everything (section 14.2 allows it), like a header that is
no byte range at all: whoever asks for ranges must be ready for 200.
"""

import re
from dataclasses import dataclass
from typing import Final

_RANGE: Final = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes `start` to `end`, `end` excluded; never empty."""

    start: int
    end: int


class NotSatisfiable(Exception):
    """No byte of the range exists (RFC 9110 section 15.5.17)."""


def parse(header: str | None, size: int) -> Range | None:
    """Return which of `size` bytes are asked for; None asks for all.

    Understands `bytes=0-499`, `bytes=500-` and the suffix `bytes=-500`. Raises NotSatisfiable.
    """
    found = _RANGE.fullmatch(header) if header is not None else None
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        length = int(found[2])
        if length == 0 or size == 0:
            raise NotSatisfiable
        return Range(max(size - length, 0), size)
    start = int(found[1])
    last = int(found[2]) if found[2] else size - 1
    if found[2] and last < start:
        return None
    if start >= size:
        raise NotSatisfiable
    return Range(start, min(last + 1, size))
