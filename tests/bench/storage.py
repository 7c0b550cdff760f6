"""Storage: small writes, the whole life of runs, and lists of a million; SQLite (and PostgreSQL with a URL).

`python -m tests.bench.storage [--rows N] [URL]` prints them alone.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from orchestra.domain.errors import Conflict
from orchestra.domain.placement import place
from orchestra.domain.run import Fact, Run, RunStatus, Started
from orchestra.domain.run_query_parser import parse
from orchestra.storage import jobs, projects, runs, settings, users, workers
from orchestra.storage.database import PooledDatabase, open_database
from orchestra.storage.engine import parse_url, writer_engine
from orchestra.storage.run_lists import RunFilter
from orchestra.storage.run_rows import SHAPE
from orchestra.storage.schema import run as run_table
from support.stored import T0, a_hello, a_job, a_new_run, a_project, a_user, finished

RUNS = 4_000
BATCH = 64


def rows(url: str, listed: int) -> Iterator[tuple[str, float, str]]:
    """Give (what, figure, unit)."""
    database = open_database(url)
    try:
        yield from asyncio.run(_writes(database))
        yield from asyncio.run(_life(database))
    finally:
        asyncio.run(database.close())
    yield from _lists(url, listed)


async def _writes(database: PooledDatabase) -> list[tuple[str, float, str]]:
    numbers = count()

    def small(connection: Connection) -> None:
        settings.put(connection, f"key {next(numbers)}", 1)

    def refused(_: Connection) -> None:
        raise Conflict("no")

    figures = []
    for clients in (1, 8, 64, 512):
        times: list[float] = []

        async def client(times: list[float] = times, share: int = max(8, min(1_000, 4_000 // clients))) -> None:
            for _ in range(share):
                begin = time.perf_counter()
                await database.write(small)
                times.append(time.perf_counter() - begin)

        begin = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        rate = len(times) / (time.perf_counter() - begin)
        figures.append((f"small writes, {clients} clients", rate, "writes/s"))
        figures.append((f"  each takes, p50, {clients} clients", statistics.median(times) * 1000, "ms"))

    async def half(number: int) -> None:
        for _ in range(30):
            try:
                await database.write(refused if number % 2 else small)
            except Conflict:
                continue

    begin = time.perf_counter()
    await asyncio.gather(*(half(number) for number in range(64)))
    figures.append(
        ("small writes, 64 clients, half of them raise", 64 * 30 / (time.perf_counter() - begin), "writes/s")
    )
    return figures


def furnish(connection: Connection) -> None:
    projects.save(connection, a_project(), T0)
    jobs.save(connection, a_job(), T0)
    users.save(connection, a_user(), T0)
    workers.connect(connection, a_hello(concurrency=BATCH * 2, properties={"os": "linux"}), "ada", T0)


async def _life(database: PooledDatabase) -> list[tuple[str, float, str]]:
    """As in the server: triggers come one by one, claims and facts in batches."""
    await database.write(furnish)
    numbers = iter(range(1, RUNS + 1))
    spent = dict.fromkeys(("insert", "snapshot", "claim", "started", "finished"), 0.0)

    def timed(what: str, function: Callable[[Connection], Any]) -> Callable[[Connection], Any]:
        def measured(connection: Connection) -> Any:
            begin = time.thread_time()
            result = function(connection)
            spent[what] += time.thread_time() - begin
            return result

        return measured

    async def trigger() -> None:
        for number in numbers:
            new = a_new_run(number, parameters={"name": "world"})
            await database.write(timed("insert", partial(runs.insert, new=new, now=T0)))

    wall, processor = time.perf_counter(), time.process_time()
    await asyncio.gather(*(trigger() for _ in range(BATCH)))
    while True:
        snapshot = await database.read(timed("snapshot", partial(runs.snapshot, limit=BATCH)))
        if not snapshot.pending:
            break
        wanted = place(snapshot).assignments[:BATCH]
        claimed: list[Run] = await database.write(timed("claim", partial(runs.claim, assignments=wanted, now=T0)))
        for what, facts in (("started", _started(claimed)), ("finished", _finished(claimed))):
            record = partial(runs.record_many, facts=facts, now=T0, worker="w1", session=1)
            await database.write(timed(what, record))
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    figures = [
        ("runs, from insert to finished", RUNS / wall, "runs/s"),
        ("  processor time of the whole process", processor / RUNS * 1e6, "µs a run"),
    ]
    return figures + [(f"  {what}", seconds / RUNS * 1e6, "µs a run") for what, seconds in spent.items()]


def _started(claimed: Sequence[Run]) -> list[tuple[str, Fact]]:
    return [(run.identifier, Started(epoch=run.epoch, date=T0)) for run in claimed]


def _finished(claimed: Sequence[Run]) -> list[tuple[str, Fact]]:
    return [(run.identifier, finished(run, log_size=100)) for run in claimed]


def _lists(url: str, number: int) -> Iterator[tuple[str, float, str]]:
    engine = writer_engine(parse_url(url))
    with engine.begin() as connection:
        _fill(connection, number)
    if url.startswith("postgresql"):
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE run")
    engine.dispose()
    database = open_database(url)
    try:
        for what, filter_ in FILTERS.items():
            times = asyncio.run(_page_times(database, filter_))
            p95 = sorted(times)[int(len(times) * 0.95)] * 1000
            yield f"latest 50 of {number:,} runs: {what}, p95", p95, "ms"
    finally:
        asyncio.run(database.close())


FILTERS = {
    "all": RunFilter(),
    "of a project": RunFilter(project="p3"),
    "of a job": RunFilter(project="p3", job="j3"),
    "failed (one in a thousand)": RunFilter(statuses=(RunStatus.FAILED,)),
    "failed of a job": RunFilter(project="p3", job="j3", statuses=(RunStatus.FAILED,)),
    "failed, aborted or running": RunFilter(statuses=(RunStatus.FAILED, RunStatus.ABORTED, RunStatus.RUNNING)),
    "succeeded": RunFilter(statuses=(RunStatus.SUCCEEDED,)),
    "of a worker": RunFilter(worker="w7"),
    "failed on a worker": RunFilter(worker="w7", statuses=(RunStatus.FAILED,)),
    "triggered by a user": RunFilter(source_type="user", source_name="u5"),
    "created in an hour long ago": RunFilter(
        created_after=T0 - timedelta(seconds=500_000), created_before=T0 - timedelta(seconds=496_400)
    ),
    "of three visible projects": RunFilter(projects=("p1", "p2", "p3")),
    "of nobody": RunFilter(worker="nobody"),
    "q status:failed job:j3 project:p3": RunFilter(query=parse("status:failed job:j3 project:p3"), now=T0),
    "q -status:succeeded created:>-1d": RunFilter(query=parse("-status:succeeded created:>-1d"), now=T0),
    "q job:j1* parameter.branch:main": RunFilter(query=parse("job:j1* parameter.branch:main"), now=T0),
    "q a word that stands nowhere": RunFilter(query=parse("nowhere"), now=T0),
    "q took:>5m (no run did)": RunFilter(query=parse("took:>5m"), now=T0),
}


async def _page_times(database: PooledDatabase, filter_: RunFilter) -> list[float]:
    times = []
    for _ in range(40):
        begin = time.perf_counter()
        await database.read(lambda connection: runs.page(connection, filter_, limit=50))
        times.append(time.perf_counter() - begin)
    return times


def _fill(connection: Connection, number: int) -> None:
    """Runs of ten projects with ten jobs each, one a second up to now."""
    chance = random.Random(1)
    names = [(f"p{a}", f"j{b}") for a in range(10) for b in range(10)]
    for project in {project for project, _ in names}:
        projects.save(connection, a_project(project), T0)
    for project, job in names:
        jobs.save(connection, a_job(job, project=project), T0)
    part: list[dict[str, Any]] = []
    for index in range(number):
        project, job = names[chance.randrange(100)]
        part.append(_row(index, project, job, chance, T0 - timedelta(seconds=number - index)))
        if len(part) == 5_000 or index == number - 1:
            connection.execute(run_table.insert(), part)
            part = []


def _row(index: int, project: str, job: str, chance: random.Random, date: datetime) -> dict[str, Any]:
    status = RunStatus.FAILED if chance.random() < 0.001 else RunStatus.SUCCEEDED
    source = {"type": "user", "user": f"u{chance.randrange(20)}"}
    new = a_new_run(1_000_000 + index)
    run = Run(
        project=project,
        identifier=new.identifier,
        number=index + 1,
        job=job,
        job_revision=1,
        parameters={"branch": "main"},
        source=source,
        worker=f"w{chance.randrange(20)}",
        status=status,
        epoch=1,
        start_date=date,
        completion_date=date,
        creation_date=date,
        update_date=date,
    )
    return SHAPE.values(run) | {
        "source_type": "user",
        "source_name": source["user"],
        "concurrency_group": None,
        "token_hash": None,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url", nargs="?")
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.url or f"sqlite:///{Path(folder)}/orchestra.db"
        for what, figure, unit in rows(url, given.rows):
            sys.stdout.write(f"{what:62} {figure:10,.2f} {unit}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
