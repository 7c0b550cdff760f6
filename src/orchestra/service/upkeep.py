"""Upkeep: what is stored for a time and nobody else removes: sessions, sign-in codes, logs of deleted runs.

Every server does it; removing twice is removing once.
"""

import asyncio
from contextlib import suppress
from typing import Final

from orchestra.domain.errors import Unavailable
from orchestra.service.authentication import SESSION_IDLE
from orchestra.service.parts import Parts
from orchestra.service.removal import remove_files
from orchestra.storage import codes, sessions

EVERY_S: Final = 3_600.0


async def keep_up(parts: Parts) -> None:
    """Remove what is over, at the start and every hour, for ever."""
    while True:
        with suppress(Unavailable):
            await remove_what_is_over(parts)
            await remove_files(parts)
        await asyncio.sleep(EVERY_S)


async def remove_what_is_over(parts: Parts) -> int:
    """Remove it once; return how many rows. Raises Unavailable."""
    now = parts.clock.now()
    return await parts.database.write(
        lambda connection: sessions.purge(connection, now, SESSION_IDLE) + codes.purge(connection, now)
    )
