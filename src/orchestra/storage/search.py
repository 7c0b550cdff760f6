"""Search: whatever has a name that contains a text, best first, as far as the caller may see it.

    exact name · name that begins with it · name or display name that contains it      then by name

Runs have no names: they are found by number (`#12`, `build#12`, `web/build#12`) and by the beginning of their
identifier, newest first. Case of A to Z does not matter (see `domain.run_query.lower`).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, case, func, literal, or_, select

from orchestra.domain.run_query import lower
from orchestra.storage import schema
from orchestra.storage.columns import string


class FoundType(StrEnum):
    """What may be found, in the order in which equally good ones are shown."""

    PROJECT = "project"
    JOB = "job"
    SCHEDULE = "schedule"
    RUN = "run"
    WORKER = "worker"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing. `rank` 0 is best. For a run `number` and `job` say which; `project` None lies outside projects."""

    type: FoundType
    rank: int
    project: str | None
    identifier: str
    display_name: str
    job: str | None = None
    number: int | None = None


Projects = frozenset[str] | None
"""Those that the caller may see; None: all."""

NUMBER_HIGHEST: Final = (1 << 31) - 1
UUID_SHORTEST: Final = 4
"""Fewer characters of an identifier say nothing."""
_NUMBERED: Final = re.compile(r"(?:(?:([^/#]+)/)?([^/#]+))?#([0-9]{1,10})")
_UUID: Final = re.compile(rf"[0-9a-f-]{{{UUID_SHORTEST},36}}")
_TABLES: Final[dict[FoundType, Table]] = {
    FoundType.PROJECT: schema.project,
    FoundType.JOB: schema.job,
    FoundType.SCHEDULE: schema.schedule,
    FoundType.WORKER: schema.worker,
    FoundType.USER: schema.user,
}


def named(connection: Connection, type_: FoundType, text: str, projects: Projects, limit: int) -> list[Found]:
    """Return what of one type has `text` in its name; `projects` matters only for what lies in one."""
    table = _TABLES[type_]
    word = literal(lower(text), string())
    places = func.instr if connection.dialect.name == "sqlite" else func.strpos
    name, shown = func.lower(table.c.identifier), func.lower(table.c.display_name)
    at = places(name, word)
    rank = case((name == word, 0), (at == 1, 1), else_=2).label("rank")
    project: ColumnElement[Any] = literal(None, string())
    if type_ is FoundType.PROJECT:
        project = table.c.identifier
    elif "project" in table.c:
        project = table.c.project
    statement = select(rank, project, table.c.identifier, table.c.display_name).where(
        or_(at > 0, places(shown, word) > 0)
    )
    if projects is not None and type_ not in (FoundType.WORKER, FoundType.USER):
        statement = statement.where(project.in_(sorted(projects)))
    rows = connection.execute(statement.order_by(rank, table.c.identifier, project).limit(limit))
    return [Found(type=type_, rank=row[0], project=row[1], identifier=row[2], display_name=row[3]) for row in rows]


def numbered(connection: Connection, text: str, projects: Projects, limit: int) -> list[Found]:
    """Return the runs that `text` names by number or by the beginning of the identifier, newest first."""
    run = schema.run
    columns = (run.c.project, run.c.identifier, run.c.job, run.c.number)
    match = _NUMBERED.fullmatch(text)
    if match is not None:
        project, job, number = match[1], match[2], int(match[3])
        if not 0 < number <= NUMBER_HIGHEST:
            return []
        counter = schema.job_counter
        # Every job has one run of that number at most: found by the counters, each run by its unique index.
        statement = (
            select(*columns)
            .select_from(counter)
            .join(run, (run.c.project == counter.c.project) & (run.c.job == counter.c.job) & (run.c.number == number))
            .where(counter.c.last_number >= number)
        )
        for column, wanted in ((counter.c.project, project), (counter.c.job, job)):
            if wanted is not None:
                statement = statement.where(column == wanted)
    elif _UUID.fullmatch(lower(text)) is not None:
        prefix = lower(text)
        statement = select(*columns).where(run.c.identifier >= prefix, run.c.identifier < prefix + "~")
    else:
        return []
    if projects is not None:
        statement = statement.where(run.c.project.in_(sorted(projects)))
    rows = connection.execute(statement.order_by(run.c.creation_date.desc(), run.c.identifier.desc()).limit(limit))
    return [
        Found(
            type=FoundType.RUN,
            rank=0 if match is not None or row[1] == lower(text) else 1,
            project=row[0],
            identifier=row[1],
            display_name=f"{row[0]}/{row[2]}#{row[3]}",
            job=row[2],
            number=row[3],
        )
        for row in rows
    ]
