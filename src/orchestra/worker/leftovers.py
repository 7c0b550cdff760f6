"""What an executor that was killed has left of containers: the engine is asked to remove it, by the run's label."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from orchestra.worker.containers import ASK_LIMIT_S, LABEL

ROUNDS: Final = 3


async def end_containers(records: Sequence[dict[str, Any]], key: str) -> list[str]:
    """Remove the containers of the run `key`; return what is left, or why nobody can tell.

    `records` is its journal: without a container in it nobody is asked.
    """
    engine = next((one["engine"] for one in records if one["type"] == "container"), None)
    if engine is None:
        return []
    found: list[str] = []
    for _ in range(ROUNDS):
        code, said = await _ask(engine, "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}={key}")
        if code != 0:
            return [f"containers of the run, if any: {engine} does not answer ({said.strip()[:200]})"]
        found = said.split()
        if not found:
            return []
        await _ask(engine, "kill", *found)
        await _ask(engine, "rm", "--force", *found)
    return [f"container {one}" for one in found]


async def _ask(engine: str, *words: str) -> tuple[int, str]:
    try:
        asked = await asyncio.create_subprocess_exec(
            engine,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        return 127, str(error)
    try:
        async with asyncio.timeout(ASK_LIMIT_S):
            said, _ = await asked.communicate()
    except TimeoutError:
        asked.kill()
        await asked.wait()
        return 124, f"no answer within {ASK_LIMIT_S:g} s"
    return asked.returncode or 0, said.decode("utf-8", "replace")
