"""Removal: the files of the logs and artifacts of deleted runs, after the transaction that deleted them."""

import asyncio
from typing import Final

from orchestra.domain.errors import Unavailable
from orchestra.service.parts import Parts
from orchestra.storage import run_delete

AT_ONCE: Final = 50
MARKED: Final = 1_000


async def remove_files(parts: Parts) -> None:
    """Remove what is left of deleted runs. Raises Unavailable when the database does not answer."""
    await remove_logs(parts)
    await parts.artifacts.sweep()


async def remove_logs(parts: Parts) -> int:
    """Remove what is left of the logs of deleted runs; return of how many.

    What cannot be removed now stays marked, for the next time. Raises Unavailable when the database does not answer.
    """
    marked = await parts.database.read(lambda rows: run_delete.marked(rows, MARKED))
    runs = list(marked)
    done: list[str] = []
    for start in range(0, len(runs), AT_ONCE):
        some = runs[start : start + AT_ONCE]
        removed = await asyncio.gather(*(_remove_log(parts, run) for run in some))
        done += [run for run, is_removed in zip(some, removed, strict=True) if is_removed]
    now = parts.clock.now()
    over = [run for run in done if marked[run] <= now]
    if over:
        await parts.database.write(lambda rows: run_delete.forget(rows, over))
    return len(done)


async def _remove_log(parts: Parts, run: str) -> bool:
    try:
        await parts.logs.delete(run)
    except (OSError, Unavailable):
        return False
    return True
