"""Trigger: the one way in which a run comes into being, whoever asks: a person, a token, a retry, a schedule.

    job now ──► parameters checked and typed ──► group and expiration from its policy ──► row + event

What is refused is returned, never raised: the function is executed in a group with others (`writer`).
The caller decides who may trigger, says what the source is, and publishes the hints after the commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from orchestra.domain.errors import Conflict, InvalidContent, NotFound, OrchestraError, Problem
from orchestra.domain.job import Job
from orchestra.domain.parameters import check_parameters
from orchestra.domain.run import TERMINAL, Run
from orchestra.domain.template import BadTemplateError, fill
from orchestra.storage import jobs, projects, runs
from orchestra.storage.runs import NewRun


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


def trigger(connection: Connection, wanted: Trigger, now: datetime) -> Run | OrchestraError:
    """Create the run. Returns NotFound, InvalidContent with every problem, or Conflict instead."""
    job = jobs.get(connection, wanted.project, wanted.job)
    if job is None:
        return NotFound(f"there is no job {wanted.project}/{wanted.job}")
    return _create(connection, job, wanted, now)


def retry(
    connection: Connection,
    of: Run,
    wanted: Trigger,
    now: datetime,
) -> Run | OrchestraError:
    """Create a new run of the job of `of`, as the job is now, with `of`'s parameters; `wanted.parameters` replace some.

    Parameters that the job no longer has are left out. Returns Conflict while `of` has not ended.
    """
    if of.status not in TERMINAL:
        return Conflict(f"the run has not ended, it is {of.status}; only a run that has ended can be retried")
    job = jobs.get(connection, of.project, of.job)
    if job is None:
        return NotFound(f"there is no job {of.project}/{of.job}")
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
    return _create(connection, job, again, now)


def _create(connection: Connection, job: Job, wanted: Trigger, now: datetime) -> Run | OrchestraError:
    if job.definition.get("type") != _COMMANDS:
        return Conflict(f"the job {job.project}/{job.identifier} is a pipeline, and pipelines cannot be triggered yet")
    try:
        parameters: dict[str, Any] = dict(check_parameters(job.parameters, wanted.parameters))
        group = _group(connection, job, parameters)
    except InvalidContent as error:
        return error
    expiration_s = job.policy.get("expiration")
    new = NewRun(
        identifier=wanted.identifier,
        project=job.project,
        job=job.identifier,
        job_revision=job.revision,
        parameters=parameters,
        source=wanted.source,
        priority=job.policy.get("priority", 0) if wanted.priority is None else wanted.priority,
        concurrency_group=group,
        expiration_date=None if expiration_s is None else now + timedelta(seconds=expiration_s),
    )
    return runs.insert(connection, new, now, actor=wanted.actor)


_COMMANDS: Final = "commands"


def _group(connection: Connection, job: Job, parameters: Mapping[str, Any]) -> str | None:
    """The concurrency group with its substitutions made. Raises InvalidContent where one has no value."""
    concurrency = job.policy.get("concurrency")
    if concurrency is None:
        return None
    template: str = concurrency["group"]
    if "{" not in template:
        return template
    project = projects.get(connection, job.project)
    assert project is not None, job.project
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
            "revision": job.revision,
        },
        "services": project.services,
    }
    try:
        return fill(template, values)
    except BadTemplateError as error:
        problem = Problem("policy.concurrency.group", str(error))
        raise InvalidContent(f"the concurrency group of the job {job.identifier} has no name", (problem,)) from error
