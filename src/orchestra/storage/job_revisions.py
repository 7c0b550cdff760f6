"""Revisions of jobs: the history of what decides how runs go, and what each run was made from.

A revision is definition, parameters, properties and policy. Each change of one of them is a new row, which
never changes and is never deleted: runs name theirs, and both outlive their job. `creator` is the user who
made the change, None when the server did.

What changed between two revisions is compared by the database, as text: a list of a thousand definitions
need not be read to be told.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Text, and_, bindparam, cast, select
from sqlalchemy import insert as insert_into

from orchestra.domain.job import Parameter
from orchestra.storage import schema
from orchestra.storage.paging import LIMIT, Order, Page
from orchestra.storage.rows import Shape

_TABLE: Final = schema.job_revision
REVISED: Final = ("definition", "parameters", "properties", "policy")
"""What a revision holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRevision:
    """What runs of one revision of a job are made from; never changes."""

    project: str
    job: str
    revision: int
    definition: dict[str, Any]
    parameters: tuple[Parameter, ...] = ()
    properties: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    creator: str | None = None
    creation_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionSummary:
    """A revision without what it holds; `changed` names what differs from the one before, nothing for the first."""

    project: str
    job: str
    revision: int
    creation_date: datetime
    creator: str | None
    changed: tuple[str, ...]


_SHAPE: Final = Shape(_TABLE, JobRevision, "project", "job", "revision")
_ONE: Final = _SHAPE.all.where(
    _TABLE.c.project == bindparam("project"),
    _TABLE.c.job == bindparam("job"),
    _TABLE.c.revision == bindparam("revision"),
)
_BEFORE: Final = _TABLE.alias("before")
_SUMMARY: Final = (
    select(
        _TABLE.c.revision,
        _TABLE.c.creation_date,
        _TABLE.c.creator,
        *((cast(_TABLE.c[name], Text) != cast(_BEFORE.c[name], Text)).label(name) for name in REVISED),
    )
    .outerjoin(
        _BEFORE,
        and_(
            _BEFORE.c.project == _TABLE.c.project,
            _BEFORE.c.job == _TABLE.c.job,
            _BEFORE.c.revision == _TABLE.c.revision - 1,
        ),
    )
    .where(_TABLE.c.project == bindparam("project"), _TABLE.c.job == bindparam("job"))
)
_ORDER: Final = Order({"revision": _TABLE.c.revision}, "-revision", _TABLE.c.revision)


def get(connection: Connection, project: str, job: str, number: int) -> JobRevision | None:
    """Return one revision of a job, None if there is none; the job itself may be gone."""
    return _SHAPE.one(connection, _ONE, {"project": project, "job": job, "revision": number})


def summary(connection: Connection, project: str, job: str, number: int) -> RevisionSummary | None:
    """Return one revision without what it holds."""
    statement = _SUMMARY.where(_TABLE.c.revision == bindparam("revision"))
    row = connection.execute(statement, {"project": project, "job": job, "revision": number}).first()
    return None if row is None else _summary(project, job, row)


def page(
    connection: Connection,
    of: tuple[str, str],
    order: str | None = None,
    cursor: str | None = None,
    limit: int = LIMIT,
) -> Page[RevisionSummary]:
    """Return a part of the history of a job, `of` project and identifier, newest first.

    Raises InvalidContent for a bad order, cursor or limit.
    """
    project, job = of
    part = _ORDER.slice(order, cursor, limit)
    rows = connection.execute(part.of(_SUMMARY), {"project": project, "job": job})
    return part.page([_summary(project, job, row) for row in rows])


def insert(connection: Connection, revision: JobRevision) -> None:
    """Store a new revision."""
    connection.execute(insert_into(_TABLE), _SHAPE.values(revision))


def _summary(project: str, job: str, row: Any) -> RevisionSummary:
    number, creation_date, creator, *differ = row
    return RevisionSummary(
        project=project,
        job=job,
        revision=number,
        creation_date=creation_date,
        creator=creator,
        changed=tuple(name for name, differs in zip(REVISED, differ, strict=True) if differs),
    )
