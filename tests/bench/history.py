"""A long history: runs written straight into an SQLite database, so that a million of them take seconds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.server import Server, apply, running
from bench.table import Figure, percentiles

LISTS: Mapping[str, str] = {
    "all": "/runs?limit=50",
    "of a project": "/projects/p3/runs?limit=50",
    "of a job": "/projects/p3/jobs/j3/runs?limit=50",
    "failed (one in twenty)": "/runs?status=failed&limit=50",
    "failed or running": "/runs?status=failed&status=running&limit=50",
    "of a worker": "/runs?worker=w7&limit=50",
    "failed of a job": "/projects/p3/jobs/j3/runs?status=failed&limit=50",
    "q=status:failed project:p3": "/runs?q=status:failed+project:p3&limit=50",
}
ASKED, WARMING = 100, 20
FEW, MANY = 1_000, 1_000_000
_EPOCH = 1_700_000_000

_FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO run ({columns}) SELECT {values} FROM n CROSS JOIN (SELECT * FROM run LIMIT 1) AS one
"""
_DATE = f"strftime('%Y-%m-%dT%H:%M:%S.', {_EPOCH} + i, 'unixepoch') || printf('%06dZ', i % 1000000)"
_CHANGED = {
    "identifier": "printf('%08x-%04x-7000-8000-%012x', i, i % 65536, i)",
    "project": "'p' || (i * 7 % 10)",
    "job": "'j' || (i * 7 / 10 % 10)",
    "number": "i",
    "worker": "'w' || (i % 20)",
    "status": "CASE WHEN i % 20 = 1 THEN 'failed' ELSE 'succeeded' END",
    "creation_date": _DATE,
    "start_date": _DATE,
    "completion_date": _DATE,
    "update_date": _DATE,
}


def fill(data: Path, count: int) -> None:
    """Multiply the one run that the database of a server that does not run holds."""
    with sqlite3.connect(data / "orchestra.db", isolation_level=None) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(run)")]
        indexes = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'run' AND type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        database.execute("PRAGMA synchronous=OFF")
        database.execute("PRAGMA cache_size=-400000")
        database.execute("BEGIN")
        for name, _ in indexes:
            database.execute(f'DROP INDEX "{name}"')
        values = ", ".join(_CHANGED.get(column, f'one."{column}"') for column in columns)
        names = ", ".join(f'"{column}"' for column in columns)
        database.execute(_FILL.format(columns=names, values=values), {"count": count})
        for _, sql in indexes:
            database.execute(sql)
        database.execute("COMMIT")
    database.close()


def prepare(folder: Path, count: int) -> Path:
    """A data folder with `count` runs of a hundred jobs."""
    data = folder / f"{count}"
    job = {"definition": {"type": "commands", "commands": [["/bin/true"]]}}
    with running("server", data) as server:
        wire = server.wire()
        for project in range(10):
            apply(wire, {f"j{number}": job for number in range(10)}, project=f"p{project}")
        wire.post("/api/v1/projects/p0/jobs/j0/trigger", {})
        wire.close()
    fill(data, count)
    return data


def lists(folder: Path) -> Iterator[Figure]:
    """Latest 50 of a million runs and of a thousand, asked in turns so that noise meets both."""
    begin = time.perf_counter()
    few, many = prepare(folder, FEW), prepare(folder, MANY)
    filled_s = time.perf_counter() - begin
    with running("server", few) as small, running("server", many) as large:
        ratios = []
        for what, path in LISTS.items():
            short, long, is_same = _in_turns(small, large, path)
            p50, p95 = percentiles(long)
            if is_same:
                ratios.append((p50 / percentiles(short)[0], what))
            yield Figure(
                f"latest 50 of {MANY:,} runs: {what}",
                "10 ms p95",
                f"{p50:.1f} / {p95:.1f} ms",
                p95 < 10,
                "of 100,000: Buildbot 32 ms" if what == "all" else "",
            )
        ratio, what = max(ratios)
        yield Figure(
            f"  the same against {FEW:,} stored, p50, worst", "factor 2", f"factor {ratio:.1f} ({what})", ratio < 2
        )
    yield Figure(f"(the history of {MANY:,} runs was written in {filled_s:.0f} s)", "", "")


def _in_turns(small: Server, large: Server, path: str) -> tuple[list[float], list[float], bool]:
    """Milliseconds of both, and whether both gave as many runs."""
    times: tuple[list[float], list[float]] = ([], [])
    wires = (small.wire(), large.wire())
    counts = [len(wire.get(f"/api/v1{path}")["items"]) for wire in wires]
    for number in range(ASKED + WARMING):
        for wire, found in zip(wires, times, strict=True):
            begin = time.perf_counter()
            wire.send("GET", f"/api/v1{path}")
            if number >= WARMING:
                found.append((time.perf_counter() - begin) * 1000)
    for wire in wires:
        wire.close()
    return *times, counts[0] == counts[1]
