"""Identifiers: their grammar, and UUIDv7 from a clock and random bits that the caller brings."""

import re
import uuid
from datetime import datetime, timedelta
from typing import Final

IDENTIFIER_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
_IDENTIFIER: Final = re.compile(IDENTIFIER_PATTERN)
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

USER_PATTERN: Final = r"[A-Za-z_][A-Za-z0-9_.-]{0,31}"
"""Names of OS users, as useradd(8) allows them and capitals beside; safe as a part of a file's name."""

RANDOM_BITS: Final = 74
"""How many random bits `run_identifier` takes: what RFC 9562 section 5.7 leaves beside time and version."""


def is_identifier(text: str) -> bool:
    """Tell whether `text` may name a project, job, schedule, worker or user."""
    return _IDENTIFIER.fullmatch(text) is not None


def uuid7(now: datetime, random_bits: int) -> str:
    """Return a UUIDv7 (RFC 9562 section 5.7) in its canonical 36-character form.

    `now` is aware; `random_bits` is an integer of `RANDOM_BITS` bits. The 48 bits of time are
    milliseconds since 1970, so identifiers sort by creation.
    """
    milliseconds = (now - _EPOCH) // timedelta(milliseconds=1)
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76
    value |= (random_bits >> 62 & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random_bits & (1 << 62) - 1
    return str(uuid.UUID(int=value))


def is_uuid(text: str) -> bool:
    """Tell whether `text` is a UUID in the canonical lower-case form that we hand out."""
    return _UUID.fullmatch(text) is not None


_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
