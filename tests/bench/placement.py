"""One dispatch pass: 1,000 pending runs × 100 workers, in the shapes that matter; milliseconds.

`python -m tests.bench.placement` prints them alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from orchestra.domain.placement import PendingRun, Snapshot, WorkerSlots, place
from orchestra.domain.worker import Worker

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RUNS, WORKERS, ROUNDS = 1000, 100, 20


def rows() -> Iterator[tuple[str, float]]:
    """Give (what, best milliseconds of `ROUNDS` passes) for each shape."""
    for name, jobs, wanted, free in (
        ("no match, one job", 1, "solaris", 8),
        ("no match, 1,000 jobs", RUNS, "solaris", 8),
        ("all taken", 10, "linux", 0),
        ("all placed", 10, "linux", 16),
        ("placed, 1,000 jobs", RUNS, "linux", 16),
    ):
        snapshot = _snapshot(jobs, wanted, free)
        yield name, min(_milliseconds(snapshot) for _ in range(ROUNDS))


def _snapshot(jobs: int, wanted: str, free: int) -> Snapshot:
    workers = tuple(
        WorkerSlots(
            worker=Worker(
                identifier=f"w{number}",
                owner="admin",
                display_name="",
                properties={"os": "linux", "python": f"3.{number % 5 + 9}", "host": f"w{number}", "memory_gb": number},
                concurrency=max(8, free),
                is_active=True,
                creation_date=NOW,
                update_date=NOW,
            ),
            used=max(8 - free, 0),
        )
        for number in range(WORKERS)
    )
    pending = tuple(
        PendingRun(
            run=f"run-{number:06}",
            epoch=0,
            project="p",
            job=f"job-{number % jobs}",
            job_revision=1,
            priority=number % 3,
            creation_date=NOW + timedelta(milliseconds=number),
            properties={"os": wanted, "python": ">=3.9", "memory_gb": f">={(number % jobs) / jobs - 1:.3f}"},
        )
        for number in range(RUNS)
    )
    return Snapshot(pending=pending, workers=workers)


def _milliseconds(snapshot: Snapshot) -> float:
    start = time.perf_counter()
    place(snapshot)
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    for what, milliseconds in rows():
        print(f"dispatch pass, {RUNS} pending × {WORKERS} workers, {what}: {milliseconds:.1f} ms (budget 20)")
