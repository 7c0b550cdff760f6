"""Rows of runs as values: one, several, by identifier or by number."""

from collections.abc import Iterable, Iterator
from typing import Final

from sqlalchemy import Connection, bindparam

from orchestra.domain.run import Run
from orchestra.storage.rows import Shape
from orchestra.storage.schema import run
from orchestra.storage.statements import ListStatement

SHAPE: Final = Shape(run, Run, "identifier")
VALUES_IN_ONE: Final = 1_000
"""Most values in one IN (…): PostgreSQL takes 65,535 parameters, SQLite 32,766; a long list is several queries."""

_SEVERAL: Final = ListStatement(lambda listed: SHAPE.all.where(run.c.identifier.in_(listed)))
_BY_NUMBER: Final = SHAPE.all.where(
    run.c.project == bindparam("project"), run.c.job == bindparam("job"), run.c.number == bindparam("number")
)


def get(connection: Connection, identifier: str) -> Run | None:
    """Return the run, None if there is none."""
    return SHAPE.get(connection, identifier)


def get_by_number(connection: Connection, project: str, job: str, number: int) -> Run | None:
    """Return the run that people call `project/job#number`, None if there is none."""
    return SHAPE.one(connection, _BY_NUMBER, {"project": project, "job": job, "number": number})


def get_many(connection: Connection, identifiers: Iterable[str]) -> dict[str, Run]:
    """Return those of the runs that exist, by identifier."""
    return {one.identifier: one for one in SHAPE.many(_SEVERAL.all(connection, identifiers))}


def parts(identifiers: Iterable[str]) -> Iterator[list[str]]:
    """Cut distinct identifiers, in their order, into lists that fit one query."""
    distinct = list(dict.fromkeys(identifiers))
    for start in range(0, len(distinct), VALUES_IN_ONE):
        yield distinct[start : start + VALUES_IN_ONE]
