"""The log store alone: appending, and windows anywhere in a large log.

`python -m tests.bench.logs` prints them; `--gigabyte` makes the large log 1 GB.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
import uuid
from pathlib import Path

from orchestra.storage.database import open_database
from orchestra.storage.logs import LogAppend, LogStore

LINE = b"2026-03-01 12:00:00.000 an ordinary line of a log, as long as they are\n"


async def measure(folder: Path, total: int) -> list[tuple[str, str]]:
    """Return (what, figure) pairs for a log of `total` bytes in `folder`."""
    database = open_database(f"sqlite:///{folder}/orchestra.db")
    store = LogStore(folder / "logs", database)
    found: list[tuple[str, str]] = []
    for batch in (1 << 16, 1 << 18, 1 << 20):
        data = (LINE * (batch // len(LINE) + 1))[:batch]
        run, size = str(uuid.uuid4()), 0
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        while size < total:
            pieces = [
                LogAppend(run=run, offset=size + at, data=data[at : at + (1 << 16)], times=((size + at, size + 1),))
                for at in range(0, batch, 1 << 16)
            ]
            size = (await store.append_many(pieces))[run]
        seconds = time.perf_counter() - start
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        found.append(
            (f"append in groups of {batch >> 10} KiB", f"{size / seconds / 1e6:.0f} MB/s, memory +{grown:.0f} MB")
        )
        start = time.perf_counter()
        await store.digest(run)
        found.append(("digest at the end", f"{(time.perf_counter() - start) * 1000:.1f} ms"))
    store = LogStore(folder / "logs", database)
    total_lines = (await store.info(run)).lines
    times = []
    for number in range(200):
        start = time.perf_counter()
        await store.lines(run, total_lines * (number * 7919 % 200) // 200 + 1, 500)
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    found.append(
        (
            f"500 lines anywhere in {size / 1e6:.0f} MB",
            f"{statistics.median(times):.1f} / {times[-2]:.1f} ms (p50/p99)",
        )
    )
    start = time.perf_counter()
    await store.digest(run)
    found.append(("digest after a restart", f"{time.perf_counter() - start:.2f} s"))
    await database.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabyte", action="store_true")
    total = 1 << 30 if parser.parse_args().gigabyte else 100 << 20
    with tempfile.TemporaryDirectory() as folder:
        for what, figure in asyncio.run(measure(Path(folder), total)):
            print(f"log store: {what}: {figure}")


if __name__ == "__main__":
    main()
