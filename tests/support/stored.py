"""Builders of what stands in a database: each gives a valid value, and takes what the test is about."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, event

from orchestra.domain.job import Job
from orchestra.domain.placement import Assignment
from orchestra.domain.project import Project
from orchestra.domain.run import Cause, CauseCode, Finished, Run, RunStatus
from orchestra.domain.schedule import Schedule
from orchestra.domain.user import User
from orchestra.domain.worker import Worker
from orchestra.storage import jobs, projects, runs, users, workers
from orchestra.storage.workers import Connecting

T0 = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def run_id(number: int) -> str:
    """A UUID of version 7; they sort by number."""
    return str(UUID(int=(number << 80) | (7 << 76) | (2 << 62)))


def a_project(identifier: str = "web", **values: Any) -> Project:
    project = Project(identifier=identifier, display_name=identifier, creation_date=T0, update_date=T0)
    return replace(project, **values)


def a_job(identifier: str = "build", **values: Any) -> Job:
    job = Job(
        project="web",
        identifier=identifier,
        display_name=identifier,
        definition={"type": "commands", "commands": [{"name": "true", "run": "true", "timeout": None}]},
        creation_date=T0,
        update_date=T0,
    )
    return replace(job, **values)


def a_schedule(identifier: str = "nightly", **values: Any) -> Schedule:
    schedule = Schedule(
        project="web",
        identifier=identifier,
        display_name=identifier,
        job="build",
        expression="30 2 * * *",
        creation_date=T0,
        update_date=T0,
    )
    return replace(schedule, **values)


def a_user(identifier: str = "ada", **values: Any) -> User:
    return replace(User(identifier=identifier, display_name=identifier, creation_date=T0, update_date=T0), **values)


def a_hello(worker: str = "w1", **values: Any) -> Connecting:
    hello = Connecting(
        worker=worker, version="1", protocol=1, concurrency=2, installation=f"disk of {worker}", boot="boot 1"
    )
    return replace(hello, **values)


def a_new_run(number: int = 1, **values: Any) -> runs.NewRun:
    source = {"type": "user", "user": "ada"}
    new = runs.NewRun(identifier=run_id(number), project="web", job="build", job_revision=1, source=source)
    return replace(new, **values)


def finished(run: Run, status: RunStatus = RunStatus.SUCCEEDED, **values: Any) -> Finished:
    code = CauseCode.SUCCEEDED if status is RunStatus.SUCCEEDED else CauseCode.EXIT_CODE
    return Finished(epoch=run.epoch, status=status, cause=Cause(code, str(status)), date=at(3), **values)


def furnish(connection: Connection) -> None:
    """A project `web` with a job `build`, a user `ada`, and her connected worker `w1` of two slots."""
    projects.save(connection, a_project(), T0)
    jobs.save(connection, a_job(), T0)
    users.save(connection, a_user(roles=("Administrator",)), T0)
    workers.connect(connection, a_hello(), "ada", T0)


def insert(connection: Connection, number: int = 1, **values: Any) -> Run:
    """A pending run, created `number` seconds after T0."""
    return runs.insert(connection, a_new_run(number, **values), at(number), actor="ada")


def assign(connection: Connection, run: Run, worker: str = "w1", seconds: float = 1) -> Run:
    won = runs.claim(connection, [assignment(run, worker)], at(seconds))
    assert len(won) == 1, "the claim was lost"
    return won[0]


def assignment(run: Run, worker: str = "w1") -> Assignment:
    return Assignment(run=run.identifier, epoch=run.epoch, worker=worker, worker_properties={"os": "linux"})


def known_worker(connection: Connection, identifier: str = "w1") -> Worker:
    worker = workers.get(connection, identifier)
    assert worker is not None
    return worker


def explained(connection: Connection, work: Callable[[], object]) -> str:
    """How the database finds what `work` asks for; PostgreSQL is kept from scanning a table too small to bother."""
    statements: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    work()
    event.remove(connection, "before_cursor_execute", note)
    return "\n".join(_explained(connection, statement, parameters) for statement, parameters in statements)


def _explained(connection: Connection, statement: str, parameters: Any) -> str:
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return "\n".join(f"{row[3]} " for row in rows)
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
    connection.exec_driver_sql("SET LOCAL enable_sort = off")
    rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
    return "\n".join(row[0] for row in rows)
