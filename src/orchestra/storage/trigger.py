"""Trigger: the one way in which a run comes into being, whoever asks: a person, a token, a retry, a schedule.

    job now ──► parameters checked and typed ──► group and expiration from its policy ──► row + event

What is refused is returned, never raised: the function is executed in a group with others (`writer`).
The caller decides who may trigger, says what the source is, and publishes the hints after the commit.

What a job's revision says never changes, so it is remembered: a trigger then reads one number. A
revision that was rolled back and made anew has another creation date, so it is another one here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from orchestra.domain.errors import Conflict, InvalidContent, NotFound, OrchestraError, Problem
from orchestra.domain.lease import own_group
from orchestra.domain.parameters import check_parameters
from orchestra.domain.run import TERMINAL, Run
from orchestra.domain.template import BadTemplateError, fill
from orchestra.storage import job_revisions, jobs, projects, runs, schema
from orchestra.storage.job_revisions import JobRevision
from orchestra.storage.runs import NewRun
from orchestra.storage.statements import Statement

REMEMBERED: Final = 1_000
"""Revisions that are remembered; a large one takes some hundred kilobytes, a usual one five."""

_COMMANDS: Final = "commands"
_PRESENT: Final = Statement(
    select(schema.job_revision.c.revision, schema.job_revision.c.creation_date)
    .join(
        schema.job,
        (schema.job.c.project == schema.job_revision.c.project)
        & (schema.job.c.identifier == schema.job_revision.c.job)
        & (schema.job.c.revision == schema.job_revision.c.revision),
    )
    .where(schema.job.c.project == bindparam("project"), schema.job.c.identifier == bindparam("job"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A run that somebody wants. `identifier` is its new UUID, `parameters` are as given, `source` says who or what.

    `priority` None takes the job's. `actor` is the user for the event, None when the system acts by itself.
    """

    identifier: str
    project: str
    job: str
    parameters: Mapping[str, Any]
    priority: int | None = None
    source: dict[str, Any]
    actor: str | None = None


class Triggers:
    """Creates runs in one database; its methods are used by that database's writer only."""

    def __init__(self) -> None:
        self._revisions: dict[tuple[str, str, int, object], JobRevision] = {}

    def trigger(self, connection: Connection, wanted: Trigger, now: datetime) -> Run | OrchestraError:
        """Create the run. Returns NotFound, InvalidContent with every problem, or Conflict instead."""
        job = self._present(connection, wanted.project, wanted.job)
        if isinstance(job, NotFound):
            return job
        new = _new_run(connection, job, wanted, now)
        return new if isinstance(new, OrchestraError) else runs.insert(connection, new, now, actor=wanted.actor)

    def retry(self, connection: Connection, of: Run, wanted: Trigger, now: datetime) -> Run | OrchestraError:
        """Create a new run of the job of `of`, as the job is now, with `of`'s parameters and priority.

        `wanted.parameters` replace those that they name; parameters that the job no longer has are left
        out. Returns Conflict while `of` has not ended, and when its job was deleted.
        """
        new = self.would_retry(connection, of, wanted, now)
        return new if isinstance(new, OrchestraError) else runs.insert(connection, new, now, actor=wanted.actor)

    def would_retry(self, connection: Connection, of: Run, wanted: Trigger, now: datetime) -> NewRun | OrchestraError:
        """Return the run that `retry` would create, or why it would not; create nothing."""
        if of.status not in TERMINAL:
            return Conflict(f"the run has not ended, it is {of.status}; only a run that has ended can be retried")
        job = self._present(connection, of.project, of.job)
        if isinstance(job, NotFound):
            return Conflict(f"the job {of.project}/{of.job} was deleted; a run of it cannot be retried")
        declared = {parameter.key for parameter in job.parameters}
        kept = {key: value for key, value in of.parameters.items() if key in declared}
        again = Trigger(
            identifier=wanted.identifier,
            project=of.project,
            job=of.job,
            parameters={**kept, **wanted.parameters},
            priority=of.priority if wanted.priority is None else wanted.priority,
            source=wanted.source,
            actor=wanted.actor,
        )
        return _new_run(connection, job, again, now)

    def _present(self, connection: Connection, project: str, job: str) -> JobRevision | NotFound:
        """The job as it is now."""
        row = _PRESENT.first(connection, {"project": project, "job": job})
        if row is None:
            return NotFound(f"there is no job {project}/{job}")
        key = (project, job, row[0], row[1])
        found = self._revisions.get(key)
        if found is None:
            found = job_revisions.get(connection, project, job, row[0])
            assert found is not None, key
            while len(self._revisions) >= REMEMBERED:
                del self._revisions[next(iter(self._revisions))]
            self._revisions[key] = found
        return found


def _new_run(connection: Connection, job: JobRevision, wanted: Trigger, now: datetime) -> NewRun | OrchestraError:
    if job.definition.get("type") != _COMMANDS:
        return Conflict(f"the job {job.project}/{job.job} is a pipeline, and pipelines cannot be triggered yet")
    try:
        parameters: dict[str, Any] = dict(check_parameters(job.parameters, wanted.parameters))
        group = _group(connection, job, parameters)
    except InvalidContent as error:
        return error
    expiration_s = job.policy.get("expiration")
    return NewRun(
        identifier=wanted.identifier,
        project=job.project,
        job=job.job,
        job_revision=job.revision,
        parameters=parameters,
        source=wanted.source,
        priority=job.policy.get("priority", 0) if wanted.priority is None else wanted.priority,
        concurrency_group=group,
        expiration_date=None if expiration_s is None else now + timedelta(seconds=expiration_s),
    )


def _group(connection: Connection, revision: JobRevision, parameters: Mapping[str, Any]) -> str | None:
    """The concurrency group with its substitutions made. Raises InvalidContent where one has no value."""
    concurrency = revision.policy.get("concurrency")
    if concurrency is None:
        return own_group(revision.job) if revision.policy.get("exclusive") else None
    template: str = concurrency["group"]
    if "{" not in template:
        return template
    project = projects.get(connection, revision.project)
    job = jobs.get(connection, revision.project, revision.job)
    assert project is not None and job is not None, revision
    values = {
        "parameters": parameters,
        "project": {
            "identifier": project.identifier,
            "display_name": project.display_name,
            "description": project.description,
        },
        "job": {
            "project": job.project,
            "identifier": job.identifier,
            "display_name": job.display_name,
            "description": job.description,
            "group": job.group,
            "revision": revision.revision,
        },
        "services": project.services,
    }
    try:
        return fill(template, values)
    except BadTemplateError as error:
        problem = Problem("policy.concurrency.group", str(error))
        raise InvalidContent(f"the concurrency group of the job {job.identifier} has no name", (problem,)) from error
