"""Orders: a plan becomes assignments in one transaction, and what each worker is told to execute them.

The plan is claimed by compare-and-set; beside each run that was won stands the worker's session at
that moment. The order may be sent to exactly that session: a later hello has been compared with the
rows already (`greeting`), and would not know of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from orchestra.domain.access import TokenKind
from orchestra.domain.artifact import ArtifactLimits
from orchestra.domain.job import Job
from orchestra.domain.lease import lease_s
from orchestra.domain.placement import Assignment
from orchestra.domain.project import Project
from orchestra.domain.run import Cause, CauseCode, Finished, GivenBack, Run, RunStatus
from orchestra.storage import job_revisions, jobs, projects, runs, tokens, workers
from orchestra.wire import messages as m

RevisionKey = tuple[str, str, int]
"""(project, job, revision): what that names never changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`message` is for the session `session` of `worker`, and for no other."""

    worker: str
    session: int
    message: m.Assign


@dataclass(frozen=True, slots=True)
class Recipe:
    """What of a revision decides how its runs are executed; `lease_s` None: they are not exclusive."""

    definition: dict[str, Any]
    lease_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What of a plan was committed; `recipes` are those that had to be read."""

    orders: tuple[Order, ...]
    recipes: Mapping[RevisionKey, Recipe]


def claim(
    connection: Connection,
    assignments: Sequence[Assignment],
    causes: Sequence[tuple[str, Cause]],
    now: datetime,
    *,
    secrets: Mapping[str, bytes],
    known: Mapping[RevisionKey, Recipe],
    limits: ArtifactLimits = ArtifactLimits(),  # noqa: B008 - a frozen value
) -> Claimed:
    """Commit what of `assignments` still holds, and why others wait.

    `secrets` gives for each run the random bytes of its own token; `known` recipes that need not be read;
    `limits` are what a run may leave.
    """
    digests = {run: tokens.digest(secret) for run, secret in secrets.items()}
    won = runs.claim(connection, assignments, now, digests) if assignments else []
    runs.set_pending_cause(connection, causes, now)
    read: dict[RevisionKey, Recipe] = {}
    sources = _Sources(connection)
    orders: list[Order] = []
    for run in won:
        key = (run.project, run.job, run.job_revision)
        recipe = known.get(key) or read.get(key)
        if recipe is None:
            recipe = read[key] = _recipe(connection, run)
        assert run.worker is not None
        message = assign(run, recipe, sources.project(run.project), sources.job(run.project, run.job), limits)
        message.environment["ORCHESTRA_TOKEN"] = tokens.make(TokenKind.RUN, run.identifier, secrets[run.identifier])
        orders.append(Order(worker=run.worker, session=sources.session(run.worker), message=message))
    return Claimed(orders=tuple(orders), recipes=read)


def _recipe(connection: Connection, run: Run) -> Recipe:
    revision = job_revisions.get(connection, run.project, run.job, run.job_revision)
    assert revision is not None, f"{run.identifier} was made of a revision that is never deleted"
    return Recipe(revision.definition, lease_s(revision.policy))


def assign(
    run: Run,
    recipe: Recipe,
    project: Project | None,
    job: Job | None,
    limits: ArtifactLimits | None = None,
) -> m.Assign:
    """Return what a worker is told to execute `run`. A project or job that is gone leaves its names."""
    return m.Assign(
        run=run.identifier,
        epoch=run.epoch,
        number=run.number,
        project=run.project,
        job=run.job,
        definition=recipe.definition,
        parameters=run.parameters,
        context={
            "project": {
                "identifier": run.project,
                "display_name": run.project if project is None else project.display_name,
                "description": "" if project is None else project.description,
            },
            "job": {
                "project": run.project,
                "identifier": run.job,
                "display_name": run.job if job is None else job.display_name,
                "description": "" if job is None else job.description,
                "group": "" if job is None else job.group,
                "revision": run.job_revision,
            },
            "run": {
                "project": run.project,
                "job": run.job,
                "identifier": run.identifier,
                "number": run.number,
                "job_revision": run.job_revision,
                "priority": run.priority,
                "source": run.source,
                "creation_date": run.creation_date.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            },
            "services": {} if project is None else project.services,
        },
        environment={
            "ORCHESTRA_PROJECT": run.project,
            "ORCHESTRA_JOB": run.job,
            "ORCHESTRA_RUN": run.identifier,
            "ORCHESTRA_RUN_NUMBER": str(run.number),
        },
        # Told only where they matter: most runs leave no files, and the message is on everyone's way.
        artifact_limits=limits if recipe.definition.get("artifacts") else None,
        lease_s=recipe.lease_s,
    )


def give_back(connection: Connection, unsent: Sequence[Order], now: datetime) -> None:
    """Undo assignments that were never sent: the session ended first, so nobody can have started them."""
    facts = [
        (
            one.message.run,
            GivenBack(epoch=one.message.epoch, reason=f"{one.worker} left before it was told; waits for a worker"),
        )
        for one in unsent
    ]
    runs.record_many(connection, facts, now)


def undo(connection: Connection, secrets: Mapping[str, bytes], now: datetime) -> None:
    """Undo a claim whose commit was not confirmed, as far as it happened: nothing of it was sent.

    `secrets` are the ones that the claim gave out: they tell its assignments from any other's.
    """
    digests = {run: tokens.digest(secret) for run, secret in secrets.items()}
    facts = [
        (
            run.identifier,
            GivenBack(epoch=run.epoch, reason="the database failed while it was assigned; nobody was told"),
        )
        for run in runs.claimed_with(connection, digests)
    ]
    runs.record_many(connection, facts, now)


TOO_LARGE: Final = Cause(
    CauseCode.BAD_DEFINITION,
    f"the definition with its parameters is larger than the {m.FRAME_LIMIT_BYTES >> 20} MiB that a worker can be sent",
)


def refuse(connection: Connection, too_large: Sequence[Order], now: datetime) -> None:
    """End runs that can never be sent to any worker."""
    for order in too_large:
        ending = Finished(epoch=order.message.epoch, status=RunStatus.EXCEPTION, cause=TOO_LARGE, date=now)
        runs.record(connection, order.message.run, ending, now)


class _Sources:
    """Rows that several orders of one transaction share."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._projects: dict[str, Project | None] = {}
        self._jobs: dict[tuple[str, str], Job | None] = {}
        self._sessions: dict[str, int] = {}

    def project(self, identifier: str) -> Project | None:
        if identifier not in self._projects:
            self._projects[identifier] = projects.get(self._connection, identifier)
        return self._projects[identifier]

    def job(self, project: str, identifier: str) -> Job | None:
        if (project, identifier) not in self._jobs:
            self._jobs[project, identifier] = jobs.get(self._connection, project, identifier)
        return self._jobs[project, identifier]

    def session(self, worker: str) -> int:
        if worker not in self._sessions:
            self._sessions[worker] = workers.session(self._connection, worker) or 0
        return self._sessions[worker]
