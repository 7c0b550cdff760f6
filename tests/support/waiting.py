"""Waiting for what no descriptor announces: a file that a job writes, a process that goes away.

Everything else in the tests waits on events. Files and foreign processes have none that works on
every file system, so these look again and again, with a pause that grows, until a deadline that is
only there so that a broken program ends the test with a sentence instead of hanging it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 60.0
_FIRST_S, _LONGEST_S = 0.002, 0.1


def wait_for(look: Callable[[], T], what: str) -> T:
    """Return what `look` gives as soon as it is true; fail the test with `what` at the deadline."""
    end = time.monotonic() + DEADLINE_S
    pause = _FIRST_S
    while not (found := look()):
        assert time.monotonic() < end, f"waited {DEADLINE_S:g} s in vain: {what}"
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_S)
    return found


async def until(look: Callable[[], T], what: str) -> T:
    """`wait_for` for a test with an event loop."""
    end = time.monotonic() + DEADLINE_S
    pause = _FIRST_S
    while not (found := look()):
        assert time.monotonic() < end, f"waited {DEADLINE_S:g} s in vain: {what}"
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_S)
    return found


def text_of(path: Path) -> str:
    """A file's text, empty while it is not there: for `wait_for(lambda: text_of(p), …)`."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def is_gone(pid: int) -> bool:
    """No process with this pid runs any more; a zombie does not run."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"
