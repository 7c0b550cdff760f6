"""Small disks that a test can fill: a tmpfs for each data folder. For root in a mount namespace of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

FILLER: Final = ".filler"
PIECE_BYTES: Final = 1 << 20


class Disk:
    """One folder with a size."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._filler = folder / FILLER
        options = f"size={size_bytes},mode=0700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True, capture_output=True)

    def fill(self) -> Callable[[], None]:
        """Leave not a byte; returns what makes room again."""
        descriptor = os.open(self._filler, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        piece = bytes(PIECE_BYTES)
        try:
            while piece:
                try:
                    os.write(descriptor, piece)
                except OSError:
                    piece = piece[: len(piece) // 2]
        finally:
            os.close(descriptor)
        return lambda: self._filler.unlink(missing_ok=True)
