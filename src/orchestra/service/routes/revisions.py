"""Revisions of jobs: who changed what decides how runs go, when, and what exactly differs."""

from typing import Annotated, Any, Final

from litestar import get
from litestar.params import FromPath, QueryParameter
from sqlalchemy import Connection

from orchestra.domain.access import Permission
from orchestra.domain.difference import Difference, differences, of_parameters
from orchestra.domain.errors import NotFound
from orchestra.domain.job import Parameter
from orchestra.service.authorization import needs
from orchestra.service.entities import Date, Entity, Json, Listing, date
from orchestra.service.listing import Cursor, Limit, Order
from orchestra.service.request import ApiRequest
from orchestra.storage import job_revisions, jobs
from orchestra.storage.job_revisions import REVISED, JobRevision, RevisionSummary

NUMBER_HIGHEST: Final = (1 << 31) - 1
Since = Annotated[int | None, QueryParameter(description="The revision to compare with; the one before when absent.")]


class JobRevisionEntity(Entity, frozen=True):
    """A revision; `changed` names what differs from the one before, nothing for the first."""

    project: str
    job: str
    revision: int
    creation_date: Date
    creator: str | None
    changed: tuple[str, ...]


class JobRevisionDetail(JobRevisionEntity, frozen=True):
    """A revision with what runs are made from."""

    definition: Json
    parameters: tuple[Parameter, ...]
    properties: Json
    policy: Json


class DifferenceEntity(Entity, frozen=True):
    """One value that differs, at a path such as `definition.commands[2]`; null is "not there"."""

    path: str
    before: Any
    after: Any


class RevisionChanges(Entity, frozen=True):
    """What differs in `revision` from `since`; with `since` 0, which nothing was before, nothing is told."""

    since: int
    revision: int
    changes: list[DifferenceEntity]


@get(
    "/projects/{project:str}/jobs/{job:str}/revisions",
    operation_id="listJobRevisions",
    tags=["jobs"],
    opt=needs(Permission.JOB_READ),
)
async def list_job_revisions(
    *,
    request: ApiRequest,
    project: FromPath[str],
    job: FromPath[str],
    limit: Limit = 100,
    cursor: Cursor = None,
    order: Order = None,
) -> Listing[JobRevisionEntity]:
    """List the history of what a job executes, newest first; it stays when the job is deleted."""

    def read(rows: Connection) -> Listing[JobRevisionEntity]:
        if not jobs.existed(rows, project, job):
            raise NotFound(f"there is no job {project}/{job}")
        page = job_revisions.page(rows, (project, job), order, cursor, limit)
        items = [JobRevisionEntity(**_shown(one)) for one in page.items]
        return Listing(items=items, next_cursor=page.next_cursor)

    return await request.parts.database.read(read)


@get(
    "/projects/{project:str}/jobs/{job:str}/revisions/{revision:int}",
    operation_id="getJobRevision",
    tags=["jobs"],
    opt=needs(Permission.JOB_READ),
)
async def get_job_revision(
    request: ApiRequest, project: FromPath[str], job: FromPath[str], revision: FromPath[int]
) -> JobRevisionDetail:
    """Read one revision, with its definition, parameters, properties and policy."""

    def read(rows: Connection) -> JobRevisionDetail:
        found = _find(rows, project, job, revision)
        summary = job_revisions.summary(rows, project, job, revision)
        assert summary is not None, found
        return JobRevisionDetail(**_shown(summary), **{name: getattr(found, name) for name in REVISED})

    return await request.parts.database.read(read)


@get(
    "/projects/{project:str}/jobs/{job:str}/revisions/{revision:int}/changes",
    operation_id="getJobChanges",
    tags=["jobs"],
    opt=needs(Permission.JOB_READ),
)
async def get_job_changes(
    request: ApiRequest, project: FromPath[str], job: FromPath[str], revision: FromPath[int], since: Since = None
) -> RevisionChanges:
    """Say what differs in a revision from another one, field by field."""
    base = revision - 1 if since is None else since

    def read(rows: Connection) -> RevisionChanges:
        after = _find(rows, project, job, revision)
        # Nothing was before the first one, and all of it would be new.
        before = after if base == 0 and since is None else _find(rows, project, job, base)
        changes = [
            DifferenceEntity(path=one.path, before=one.before, after=one.after) for one in _between(before, after)
        ]
        return RevisionChanges(since=base, revision=revision, changes=changes)

    return await request.parts.database.read(read)


def _find(rows: Connection, project: str, job: str, number: int) -> JobRevision:
    # A number that no database holds is no revision.
    found = job_revisions.get(rows, project, job, number) if 0 < number <= NUMBER_HIGHEST else None
    if found is None:
        raise NotFound(f"there is no revision {number} of {project}/{job}")
    return found


def _between(before: JobRevision, after: JobRevision) -> list[Difference]:
    found = list(of_parameters(before.parameters, after.parameters))
    for name in ("properties", "policy", "definition"):
        found += differences(name, getattr(before, name), getattr(after, name))
    return found


def _shown(summary: RevisionSummary) -> dict[str, Any]:
    return {
        "project": summary.project,
        "job": summary.job,
        "revision": summary.revision,
        "creation_date": date(summary.creation_date),
        "creator": summary.creator,
        "changed": summary.changed,
    }


HANDLERS = [list_job_revisions, get_job_revision, get_job_changes]
