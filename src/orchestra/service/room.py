"""Room: is there space on the server's disk for one run more?

Below the watermark no new run is accepted, and what was accepted goes on: its assignments, statuses and
logs find the space that is left. A disk that is full to the last byte could not even store that a run
has ended, nor that somebody wants it to.

Rule: asking costs one `statvfs`, so nothing is remembered, and room that somebody made counts at once.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from orchestra.domain.errors import StorageFull

SHARE: Final = 20
"""On a small disk a twentieth of it is enough."""

_MEBIBYTE: Final = 1 << 20


class Room:
    """The disk of one folder, or of none. `wanted_bytes` must be free on it; 0 asks nothing."""

    def __init__(
        self, folder: Path | None, wanted_bytes: int, measure: Callable[[Path], os.statvfs_result] = os.statvfs
    ) -> None:
        self._folder = folder
        self._wanted_bytes = wanted_bytes
        self._measure = measure

    def refusal(self) -> StorageFull | None:
        """Return why no new run can be accepted now; None while there is room, or nobody can tell."""
        if self._folder is None or not self._wanted_bytes:
            return None
        try:
            found = self._measure(self._folder)
        except OSError:
            # Whoever writes will say better what is wrong with the folder.
            return None
        free = found.f_bavail * found.f_frsize
        wanted = min(self._wanted_bytes, found.f_blocks * found.f_frsize // SHARE)
        if free >= wanted:
            return None
        return StorageFull(
            f"the disk of the server is nearly full: {free // _MEBIBYTE} MiB are free, {wanted // _MEBIBYTE} MiB must "
            f"be for new runs (setting disk_free); runs that were accepted go on"
        )
